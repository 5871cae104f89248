#pragma once
#include <stddef.h>

/// The data dictionary of DICOM as text, without a zero at its end; docs/dicom-tables.md says how it is written.
extern const unsigned char *const hilum_dicom_tables;
/// Its size in bytes.
extern const size_t hilum_dicom_tables_bytes;
