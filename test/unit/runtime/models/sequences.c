/* Values that are no tensors. `t` is the sequence `s` without its first element, if it has two or
 * more, then all elements of `s` joined, then what that is in parts of two; `optional` is none if
 * `o` is, else the sequence that it has; `keys` are those of the map `m`; `table` has the values of
 * `m` twice, if it has two. */
#include "model.h"

#include <string.h>

enum { SEQUENCE = TENON_KIND_SEQUENCE, OPTIONAL = TENON_KIND_OPTIONAL, MAP = TENON_KIND_MAP };

/* All elements as one, and its parts, behind the sequence, which is taken over. NULL after a
 * failure.
 */
static tenon_object *append_joined(tenon_exec *exec, const tenon_object *s, tenon_object *t) {
  int64_t dim;
  if (exec->concat_dims(exec, s, 1, 0, 0, &dim, "node 'join': "))
    return NULL;
  float *joined = exec->alloc(exec, dim * (int64_t)sizeof(float));
  if (!joined)
    return NULL;
  exec->concat(exec, s, 0, 0, joined);
  tenon_object *whole = exec->make_tensor(exec, sizeof(float), 1, &dim, joined);
  t = whole ? exec->insert(exec, t, t->length, whole, /*consumes=*/1) : NULL;
  const int64_t size = 2;
  tenon_object *parts =
      exec->split(exec, sizeof(float), 1, &dim, joined, 0, &size, -1, 0, "node 'split': ");
  for (int64_t i = 0; t && parts && i < parts->length; ++i) {
    exec->retain(exec, parts->elements[i]);
    t = exec->insert(exec, t, t->length, parts->elements[i], /*consumes=*/1);
  }
  if (parts)
    exec->release_object(exec, parts);
  exec->release(exec, joined);
  return parts ? t : NULL;
}

static int32_t write_optional(tenon_exec *exec, const tenon_object *optional) {
  tenon_object *inner = optional->length ? optional->elements[0] : NULL;
  if (inner)
    exec->retain(exec, inner);
  tenon_object *result = exec->make_sequence(exec, inner ? 1 : 0, &inner);
  return result ? exec->output_object(exec, 1, result) : TENON_EXEC_OUT_OF_MEMORY;
}

static int32_t write_map(tenon_exec *exec, const tenon_object *map) {
  const int64_t dims[] = {map->length == 2 ? 2 : 0, 2};
  int64_t *keys = exec->output(exec, 2, &map->length);
  char *table = exec->output(exec, 3, dims);
  if (!keys || !table)
    return TENON_EXEC_OUT_OF_MEMORY;
  memcpy(keys, map->elements[0]->data, (size_t)map->length * sizeof *keys);
  for (int i = 0; i < dims[0]; ++i)
    memcpy(table + 8 * i, map->elements[1]->data, 8);
  return TENON_EXEC_OK;
}

static int32_t run(tenon_exec *exec) {
  tenon_object *s = exec->inputs[0];
  exec->retain(exec, s);
  tenon_object *t = s->length < 2 ? s : exec->erase(exec, s, 0, /*consumes=*/1);
  t = t ? append_joined(exec, s, t) : NULL;
  if (!t)
    return TENON_EXEC_BAD_VALUE;
  int32_t code = exec->output_object(exec, 0, t);
  exec->release_object(exec, t);
  if (!code)
    code = write_optional(exec, exec->inputs[1]);
  return code ? code : write_map(exec, exec->inputs[2]);
}

static const tenon_dim_desc unnamed[] = {{-1, -1, 0}}, rows[] = {{-1, -1, 0}, {2, -1, 0}};
static const int32_t sequence[] = {SEQUENCE}, optional[] = {OPTIONAL, SEQUENCE}, map[] = {MAP},
                     maps[] = {SEQUENCE, MAP};
static const int64_t keys[] = {7, 8};
static const tenon_tensor_desc inputs[] = {
    {.name = "s", .dtype = FLOAT, .rank = 1, .dims = unnamed, .kinds = sequence, .num_kinds = 1},
    {.name = "o", .dtype = FLOAT, .rank = -1, .kinds = optional, .num_kinds = 2},
    {.name = "m", .dtype = FLOAT, .kinds = map, .num_kinds = 1, .key_dtype = INT64}};
static const tenon_tensor_desc outputs[] = {
    {.name = "t", .dtype = FLOAT, .rank = 1, .dims = unnamed, .kinds = sequence, .num_kinds = 1},
    {.name = "optional", .dtype = FLOAT, .rank = -1, .kinds = optional, .num_kinds = 2},
    {.name = "keys", .dtype = INT64, .rank = 1, .dims = unnamed},
    {.name = "table",
     .dtype = FLOAT,
     .rank = 2,
     .dims = rows,
     .kinds = maps,
     .num_kinds = 2,
     .key_dtype = INT64,
     .num_keys = 2,
     .keys = keys}};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, 0, run, NULL, 0, NULL, 0}};

MODEL = {MODEL_HEAD,       .name = "sequences", .compiler_version = "hand",
         .num_inputs = 3,  .num_outputs = 4,    .num_variants = 1,
         .inputs = inputs, .outputs = outputs,  .variants = variants};
