#include "V2ToFHIRTables.h"

// C takes a file into the program as it is, in no time; as a literal of Swift the same text costs half a minute.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char tables[] = {
#embed "guide.tables"
};

const unsigned char *const hilum_v2_to_fhir_tables = tables;
const size_t hilum_v2_to_fhir_tables_bytes = sizeof tables;
