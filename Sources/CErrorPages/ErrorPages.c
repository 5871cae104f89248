#include "ErrorPages.h"

// C takes a file into the program as it is, in no time; as a literal of Swift the same pages cost half a minute.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char pages[] = {
#embed "pages.md"
};

const unsigned char *const hilum_error_pages = pages;
const size_t hilum_error_pages_bytes = sizeof pages;
