#pragma once
#include <stddef.h>

/// The pages of docs/errors, one after the other, as UTF-8 text without a zero at its end.
extern const unsigned char *const hilum_error_pages;
/// Their size in bytes.
extern const size_t hilum_error_pages_bytes;
