#include <sqlite3.h>

// The two destructor constants are casts that Swift can't import from the header's macros.
static inline sqlite3_destructor_type hilum_sqlite_transient(void) { return SQLITE_TRANSIENT; }
static inline sqlite3_destructor_type hilum_sqlite_static(void) { return SQLITE_STATIC; }
// sqlite3_db_config is variadic, which Swift can't call: a reader's connection must not checkpoint when it is the last to close, and
// nobody may write into the schema by SQL.
static inline int hilum_sqlite_settle(sqlite3 *db, int checkpoint_on_close) {
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
  return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, checkpoint_on_close ? 0 : 1, (int *)0);
}

// What a statement needs while it runs comes from slots of the connection's own instead of malloc. SQLite's own few are taken by the
// statements that are kept. Only before the connection's first statement.
static inline void hilum_sqlite_slots(sqlite3 *db, int bytes, int count) {
  sqlite3_db_config(db, SQLITE_DBCONFIG_LOOKASIDE, (void *)0, bytes, count);
}

// SQLite counts its memory under a mutex, for figures that nobody reads here. Counts only before SQLite's first use in the process.
static inline void hilum_sqlite_configure(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// prctl is variadic, and pthread_setname_np stands behind _GNU_SOURCE, which Swift's view of Glibc doesn't set. No system header is
// included here: its types would seem to be this module's.
extern int prctl(int option, ...);
static inline void hilum_name_thread(const char *name) { prctl(15 /* PR_SET_NAME */, name, 0, 0, 0); }
