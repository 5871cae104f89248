#include "FHIRTables.h"

// C takes a file into the program as it is, in no time; as a literal of Swift the same text costs half a minute.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char tables[] = {
#embed "r4.tables"
};

const unsigned char *const hilum_fhir_tables = tables;
const size_t hilum_fhir_tables_bytes = sizeof tables;
