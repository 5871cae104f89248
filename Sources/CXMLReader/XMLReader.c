#include "XMLReader.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <string.h>

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #theirs)
SAME(hilum_xml_document_empty, XML_ERR_DOCUMENT_EMPTY);
SAME(hilum_xml_document_end, XML_ERR_DOCUMENT_END);
SAME(hilum_xml_invalid_character, XML_ERR_INVALID_CHAR);
SAME(hilum_xml_semicolon_missing, XML_ERR_ENTITYREF_SEMICOL_MISSING);
SAME(hilum_xml_undeclared_entity, XML_ERR_UNDECLARED_ENTITY);
SAME(hilum_xml_undeclared_entity_warning, XML_WAR_UNDECLARED_ENTITY);
SAME(hilum_xml_unknown_encoding, XML_ERR_UNKNOWN_ENCODING);
SAME(hilum_xml_unsupported_encoding, XML_ERR_UNSUPPORTED_ENCODING);
SAME(hilum_xml_less_in_attribute, XML_ERR_LT_IN_ATTRIBUTE);
SAME(hilum_xml_attribute_not_started, XML_ERR_ATTRIBUTE_NOT_STARTED);
SAME(hilum_xml_attribute_without_value, XML_ERR_ATTRIBUTE_WITHOUT_VALUE);
SAME(hilum_xml_attribute_redefined, XML_ERR_ATTRIBUTE_REDEFINED);
SAME(hilum_xml_name_required, XML_ERR_NAME_REQUIRED);
SAME(hilum_xml_greater_required, XML_ERR_GT_REQUIRED);
SAME(hilum_xml_tag_mismatch, XML_ERR_TAG_NAME_MISMATCH);
SAME(hilum_xml_tag_not_finished, XML_ERR_TAG_NOT_FINISHED);
SAME(hilum_xml_invalid_encoding, XML_ERR_INVALID_ENCODING);
SAME(hilum_xml_undefined_namespace, XML_NS_ERR_UNDEFINED_NAMESPACE);
// libxml2 calls out namespaces as rows of two, attributes as rows of five.
_Static_assert(sizeof(hilum_xml_namespace) == 2 * sizeof(const xmlChar *), "namespaces");
_Static_assert(sizeof(hilum_xml_attribute) == 5 * sizeof(const xmlChar *), "attributes");

typedef struct {
  const hilum_xml_calls *calls;
  xmlParserCtxtPtr parser;
  hilum_xml_result result;
  int depth;
  bool has_root;
} reading;

static int line_of(const reading *reading) { return xmlSAX2GetLineNumber(reading->parser); }

/// The first reason stays.
static void stop(reading *reading, hilum_xml_end end, int problem, int line, int column) {
  if (reading->result.end != hilum_xml_read_whole) return;
  reading->result = (hilum_xml_result){.end = end, .problem = problem, .line = line, .column = column};
  if (reading->parser) xmlStopParser(reading->parser);
}

static void stop_here(reading *reading, hilum_xml_end end, int problem) {
  stop(reading, end, problem, line_of(reading), xmlSAX2GetColumnNumber(reading->parser));
}

/// libxml2 goes on calling for a while after it was told to stop.
static bool is_over(const reading *reading) { return reading->result.end != hilum_xml_read_whole; }

static void begin(
    void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
    const xmlChar **namespaces, int count, int default_count, const xmlChar **attributes) {
  (void)default_count;
  reading *reading = context;
  if (is_over(reading)) return;
  reading->depth += 1;
  reading->has_root = true;
  hilum_xml_name name = {(const char *)local, (const char *)prefix, (const char *)uri};
  if (!reading->calls->begin(
          reading->calls->context, name, (const hilum_xml_namespace *)namespaces, namespace_count,
          (const hilum_xml_attribute *)attributes, count, line_of(reading))) {
    stop_here(reading, hilum_xml_stopped, 0);
  }
}

static void end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri) {
  (void)local, (void)prefix, (void)uri;
  reading *reading = context;
  if (is_over(reading)) return;
  reading->depth -= 1;
  if (!reading->calls->end(reading->calls->context)) stop_here(reading, hilum_xml_stopped, 0);
}

static void text(void *context, const xmlChar *text, int count) {
  reading *reading = context;
  if (is_over(reading) || count <= 0) return;
  if (!reading->calls->text(reading->calls->context, text, count, line_of(reading))) {
    stop_here(reading, hilum_xml_stopped, 0);
  }
}

static void doctype(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system) {
  (void)name, (void)external, (void)system;
  if (!is_over(context)) stop_here(context, hilum_xml_doctype, 0);
}

/// Without a DOCTYPE there are no entities but the five of XML.
static xmlEntityPtr entity(void *context, const xmlChar *name) {
  (void)context;
  return xmlGetPredefinedEntity(name);
}

#if LIBXML_VERSION >= 21200
static void note(void *context, const xmlError *error) {
#else
static void note(void *context, xmlErrorPtr error) {
#endif
  reading *reading = context;
  if (error->level != XML_ERR_FATAL && error->level != XML_ERR_ERROR) return;
  if (error->code == XML_ERR_NO_MEMORY) return stop(reading, hilum_xml_out_of_memory, 0, 0, 0);
  int problem = error->code;
  // "Document end" is said of a text that ends too early as well.
  if (problem == XML_ERR_DOCUMENT_END && (reading->depth > 0 || !reading->has_root)) problem = XML_ERR_TAG_NOT_FINISHED;
  stop(reading, hilum_xml_malformed, problem, error->line, error->int2);
}

/// What concerns no parser, such as bytes that iconv refuses, libxml2 would print with what stands there.
#if LIBXML_VERSION >= 21200
static void keep_quiet(void *context, const xmlError *error) {
#else
static void keep_quiet(void *context, xmlErrorPtr error) {
#endif
  (void)context, (void)error;
}

void hilum_xml_prepare(void) { xmlInitParser(); }

hilum_xml_result hilum_xml_read(const uint8_t *bytes, size_t count, const hilum_xml_calls *calls) {
  xmlSAXHandler handler;
  memset(&handler, 0, sizeof handler);
  handler.initialized = XML_SAX2_MAGIC;
  handler.startElementNs = begin;
  handler.endElementNs = end;
  handler.characters = text;
  handler.cdataBlock = text;
  handler.ignorableWhitespace = text;
  handler.internalSubset = doctype;
  handler.getEntity = entity;
  handler.serror = note;

  // The library keeps this for each thread.
  xmlSetStructuredErrorFunc(NULL, keep_quiet);
  reading reading = {.calls = calls};
  xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&handler, &reading, NULL, 0, NULL);
  if (!parser) return (hilum_xml_result){.end = hilum_xml_out_of_memory};
  reading.parser = parser;
  // NOENT: an &amp; in an attribute is a &. HUGE: how much of what is too much, the calls say.
  xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOENT | XML_PARSE_HUGE);
  // In pieces, as what is far too deep or too much is known early.
  const size_t piece_max = 1 << 16;
  for (size_t at = 0; at < count && !is_over(&reading);) {
    size_t piece = count - at < piece_max ? count - at : piece_max;
    xmlParseChunk(parser, (const char *)bytes + at, (int)piece, at + piece == count);
    at += piece;
  }
  if (!parser->wellFormed || !reading.has_root) stop_here(&reading, hilum_xml_malformed, parser->errNo);
  // No tree is built; a document that was made all the same is freed with the parser.
  if (parser->myDoc) xmlFreeDoc(parser->myDoc);
  xmlFreeParserCtxt(parser);
  return reading.result;
}
