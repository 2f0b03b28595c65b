#include "codec/report.h"

#include <cJSON.h>
#include <string.h>

int lmdbx__report(const struct lmdbx__report_field *fields, size_t count,
                  struct lmdbx_buffer *out) {
  int code = LMDBX_NO_MEMORY;
  char *text = NULL;
  cJSON *object = cJSON_CreateObject();
  if (object == NULL) goto done;
  for (size_t i = 0; i < count; i++) {
    const struct lmdbx__report_field *field = &fields[i];
    const cJSON *item = field->text != NULL
                            ? cJSON_AddStringToObject(object, field->name, field->text)
                            : cJSON_AddNumberToObject(object, field->name, field->number);
    if (item == NULL) goto done;
  }
  text = cJSON_PrintUnformatted(object);
  if (text != NULL) code = lmdbx_buffer_append(out, text, strlen(text));
done:
  cJSON_free(text);
  cJSON_Delete(object);
  return code;
}
