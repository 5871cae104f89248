#include <sqlite3.h>

// The two destructor constants are casts that Swift can't import from the header's macros.
static inline sqlite3_destructor_type hilum_sqlite_transient(void) { return SQLITE_TRANSIENT; }
static inline sqlite3_destructor_type hilum_sqlite_static(void) { return SQLITE_STATIC; }
