#pragma once
#include <stddef.h>

/// The maps of the HL7 v2-to-FHIR guide as text, without a zero at its end; docs/scaffold.md says how it is written.
extern const unsigned char *const hilum_v2_to_fhir_tables;
/// Its size in bytes.
extern const size_t hilum_v2_to_fhir_tables_bytes;
