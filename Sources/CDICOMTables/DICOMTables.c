#include "DICOMTables.h"

// C takes a file into the program as it is, in no time; as a literal of Swift the same text costs half a minute.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char tables[] = {
#embed "dicom.tables"
};

const unsigned char *const hilum_dicom_tables = tables;
const size_t hilum_dicom_tables_bytes = sizeof tables;
