#pragma once
#include <stddef.h>

/// The element tables of FHIR R4 as text, without a zero at its end; docs/fhir-tables.md says how it is written.
extern const unsigned char *const hilum_fhir_tables;
/// Its size in bytes.
extern const size_t hilum_fhir_tables_bytes;
