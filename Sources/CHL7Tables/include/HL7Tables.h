#pragma once
#include <stddef.h>

/// The tables of HL7 v2 as text, without a zero at its end; docs/hl7-tables.md says how it is written.
extern const unsigned char *const hilum_hl7_tables;
/// Its size in bytes.
extern const size_t hilum_hl7_tables_bytes;
