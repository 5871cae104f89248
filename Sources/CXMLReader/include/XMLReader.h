#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What of libxml2 is used, without its headers: they include ICU's, and Swift would meet those a second time beside
// Foundation's.

/// What an element or attribute is called. Each ends in a zero; without a prefix or namespace those are NULL.
typedef struct {
  const char *_Nullable local;
  const char *_Nullable prefix;
  const char *_Nullable uri;
} hilum_xml_name;

/// A prefix, NULL for none, and what it stands for from here on; NULL for nothing.
typedef struct {
  const char *_Nullable prefix;
  const char *_Nullable uri;
} hilum_xml_namespace;

typedef struct {
  hilum_xml_name name;
  /// In UTF-8, without a zero at its end.
  const uint8_t *_Nullable value;
  const uint8_t *_Nullable value_end;
} hilum_xml_attribute;

/// What the reader calls while it reads; `false` ends the reading. What is handed over lives as long as the call.
typedef struct {
  void *_Nonnull context;
  bool (*_Nonnull begin)(
      void *_Nonnull context, hilum_xml_name name, const hilum_xml_namespace *_Nullable namespaces, int namespace_count,
      const hilum_xml_attribute *_Nullable attributes, int count, int line);
  bool (*_Nonnull end)(void *_Nonnull context);
  bool (*_Nonnull text)(void *_Nonnull context, const uint8_t *_Nonnull text, int count, int line);
} hilum_xml_calls;

typedef enum {
  /// Read to its end.
  hilum_xml_read_whole,
  /// A call said so.
  hilum_xml_stopped,
  /// A DOCTYPE stands there. It is where the reading ends: nothing that it declares was looked at.
  hilum_xml_doctype,
  /// It isn't well-formed.
  hilum_xml_malformed,
  hilum_xml_out_of_memory,
} hilum_xml_end;

typedef struct {
  hilum_xml_end end;
  /// What is malformed, in libxml2's own number.
  int problem;
  /// Both count from 1; 0 where it is not known.
  int line;
  int column;
} hilum_xml_result;

/// Those of libxml2's numbers that have words of their own.
enum {
  hilum_xml_document_empty = 4,
  hilum_xml_document_end = 5,
  hilum_xml_invalid_character = 9,
  hilum_xml_undeclared_entity = 26,
  hilum_xml_undeclared_entity_warning = 27,
  hilum_xml_unknown_encoding = 31,
  hilum_xml_unsupported_encoding = 32,
  hilum_xml_less_in_attribute = 38,
  hilum_xml_attribute_not_started = 39,
  hilum_xml_attribute_without_value = 41,
  hilum_xml_attribute_redefined = 42,
  hilum_xml_name_required = 68,
  hilum_xml_semicolon_missing = 23,
  hilum_xml_greater_required = 73,
  hilum_xml_tag_mismatch = 76,
  hilum_xml_tag_not_finished = 77,
  hilum_xml_invalid_encoding = 81,
  hilum_xml_undefined_namespace = 201,
};

/// Before the first reading, once.
void hilum_xml_prepare(void);

/// Reads a text and calls out what stands in it. Nothing is fetched and no file is read.
hilum_xml_result hilum_xml_read(const uint8_t *_Nonnull bytes, size_t count, const hilum_xml_calls *_Nonnull calls);
