/* Values that are no tensors on their way in and out of a run.
 *
 * A caller's value is a tree of structures. On the way in, it is checked against the signature, and
 * objects are made that refer to the tensors where they are; only maps are copied, because their
 * keys must ascend. On the way out, all of an output is copied into one block of the context: its
 * structures, the dimensions, then the elements. */
#include "runtime/objects.h"

#include <stdio.h>
#include <string.h>

const char *tn_kind_name(int32_t kind) {
  static const char *const names[] = {"a tensor", "a sequence", "an optional", "a map"};
  return kind >= 0 && kind < (int32_t)(sizeof names / sizeof *names) ? names[kind]
                                                                     : "of unknown kind";
}

int32_t tn_kind(const tenon_tensor_desc *desc) {
  return desc->num_kinds ? desc->kinds[0] : TENON_TENSOR;
}

/* What the signature says to be so far inside of a value. */
static int32_t kind_at(const tenon_tensor_desc *desc, int32_t depth) {
  return depth < desc->num_kinds ? desc->kinds[depth] : TENON_TENSOR;
}

/* ---- In */

/* An input, or a part of one, while it is checked. */
typedef struct intake {
  tenon_context *context;
  const tenon_tensor_desc *desc;
  char where[160]; /* "input 0 'x', element 3" */
} intake;

/* In a run, where strings are handles. Types of less than a byte are none of a signature's. */
static int32_t element_bytes(int32_t dtype) {
  return dtype == TENON_STRING ? (int32_t)sizeof(int64_t) : tenon_dtype_bits(dtype) / 8;
}

/* Checks a tensor that is an element, or the values or keys of a map (of rank 1). */
static tenon_status check_tensor(const intake *in, const tenon_tensor *have, int32_t dtype) {
  if (have->dtype != dtype)
    return tn_fail(TENON_WRONG_DTYPE, "%s is %s, expected %s", in->where,
                   tenon_dtype_name(have->dtype), tenon_dtype_name(dtype));
  if (have->rank < 0 || (have->rank && !have->dims))
    return tn_fail(TENON_INVALID_ARGUMENT, "%s: dims is null or its rank negative", in->where);
  int64_t bytes = tenon_tensor_bytes(have->dtype, have->rank, have->dims);
  if (bytes < 0)
    return tn_fail(TENON_WRONG_SHAPE, "%s: a dimension is negative, or all are too large",
                   in->where);
  if (have->bytes != (size_t)bytes)
    return tn_fail(TENON_WRONG_SHAPE, "%s has %zu bytes, but its dimensions need %lld", in->where,
                   have->bytes, (long long)bytes);
  if (bytes && !have->data)
    return tn_fail(TENON_INVALID_ARGUMENT, "%s: data is null", in->where);
  return TENON_OK;
}

static tenon_status check_dims(const intake *in, const tenon_tensor *have) {
  if (in->desc->rank < 0)
    return TENON_OK;
  if (have->rank != in->desc->rank)
    return tn_fail(TENON_WRONG_SHAPE, "%s has %d dimensions, expected %d", in->where, have->rank,
                   in->desc->rank);
  for (int32_t d = 0; d < have->rank; ++d)
    if (in->desc->dims[d].value >= 0 && have->dims[d] != in->desc->dims[d].value)
      return tn_fail(TENON_WRONG_SHAPE, "%s: dimension %d is %lld, expected %lld", in->where, d,
                     (long long)have->dims[d], (long long)in->desc->dims[d].value);
  return TENON_OK;
}

/* What is not had is recorded by the services, as in a run. */
static tenon_status no_memory(const intake *in) {
  return in->context->status ? in->context->status
                             : tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory", in->where);
}

/* A tensor of strings as one of handles. */
static tenon_status copy_strings(const intake *in, const tenon_tensor *have,
                                 tenon_object **object) {
  *object = tn_new_tensor(&in->context->exec, sizeof(int64_t), have->rank, have->dims, NULL);
  if (!*object)
    return no_memory(in);
  return tn_strings_intern(in->context->strings, have->data, have->bytes / sizeof(tenon_string),
                           in->where, (*object)->data);
}

static tenon_status take_tensor(const intake *in, const tenon_tensor *have, tenon_object **object) {
  tenon_status status = check_tensor(in, have, in->desc->dtype);
  if (!status)
    status = check_dims(in, have);
  if (status)
    return status;
  if (have->dtype == TENON_STRING)
    return copy_strings(in, have, object);
  /* Nothing lies at the address of what has no bytes. */
  void *data = have->data ? have->data : (void *)have;
  *object =
      tn_new_tensor(&in->context->exec, element_bytes(have->dtype), have->rank, have->dims, data);
  return *object ? TENON_OK : no_memory(in);
}

/* An entry of a map that is being sorted. */
typedef struct entry {
  int64_t key;
  int64_t position;
} entry;

/* Moves entry `top` of a heap, whose largest key is on top, down to where it belongs. */
static void sift_down(entry *heap, int64_t top, int64_t count) {
  for (int64_t child = 2 * top + 1; child < count; top = child, child = 2 * top + 1) {
    if (child + 1 < count && heap[child].key < heap[child + 1].key)
      ++child;
    if (heap[top].key >= heap[child].key)
      return;
    entry moved = heap[top];
    heap[top] = heap[child];
    heap[child] = moved;
  }
}

/* qsort may allocate. */
static void heap_sort(entry *entries, int64_t count) {
  for (int64_t top = count / 2; top-- > 0;)
    sift_down(entries, top, count);
  for (int64_t last = count - 1; last > 0; --last) {
    entry largest = entries[0];
    entries[0] = entries[last];
    entries[last] = largest;
    sift_down(entries, 0, last);
  }
}

/* The keys of a map, or its values, as the run has them: strings as handles. */
static tenon_status take_column(const intake *in, const tenon_tensor *column, const void **data) {
  *data = column->data;
  if (column->dtype != TENON_STRING)
    return TENON_OK;
  tenon_object *handles;
  tenon_status status = copy_strings(in, column, &handles);
  if (!status)
    *data = handles->data;
  return status;
}

/* The entries in the order of their keys, of strings in that of their handles; `sorted` has room
 * for them. */
static tenon_status sort_entries(const intake *in, const tenon_value *map, entry *sorted) {
  const void *data;
  tenon_status status = take_column(in, &map->keys, &data);
  if (status)
    return status;
  const int64_t *keys = data;
  for (int64_t i = 0; i < map->length; ++i)
    sorted[i] = (entry){keys[i], i};
  heap_sort(sorted, map->length);
  for (int64_t i = 1; i < map->length; ++i) {
    if (sorted[i - 1].key != sorted[i].key)
      continue;
    if (map->keys.dtype != TENON_STRING)
      return tn_fail(TENON_INVALID_VALUE, "%s has key %lld twice", in->where,
                     (long long)sorted[i].key);
    const tenon_string *key = (const tenon_string *)map->keys.data + sorted[i].position;
    return tn_fail(TENON_INVALID_VALUE, "%s has key '%.*s' twice", in->where,
                   (int)(key->bytes < 100 ? key->bytes : 100), key->data);
  }
  return TENON_OK;
}

static tenon_status copy_entries(const intake *in, const tenon_value *map, const entry *sorted,
                                 tenon_object **object) {
  tenon_exec *exec = &in->context->exec;
  tenon_object *keys = tn_new_tensor(exec, sizeof(int64_t), 1, &map->length, NULL);
  tenon_object *values = tn_new_tensor(exec, element_bytes(in->desc->dtype), 1, &map->length, NULL);
  if (!keys || !values)
    return no_memory(in);
  const void *given;
  tenon_status status = take_column(in, &map->tensor, &given);
  if (status)
    return status;
  size_t size = (size_t)element_bytes(in->desc->dtype);
  for (int64_t i = 0; i < map->length; ++i) {
    ((int64_t *)keys->data)[i] = sorted[i].key;
    memcpy((char *)values->data + (size_t)i * size,
           (const char *)given + (size_t)sorted[i].position * size, size);
  }
  *object = tn_new_map(exec, keys, values);
  return *object ? TENON_OK : no_memory(in);
}

static tenon_status take_map(const intake *in, const tenon_value *map, tenon_object **object) {
  tenon_status status = check_tensor(in, &map->keys, in->desc->key_dtype);
  if (!status)
    status = check_tensor(in, &map->tensor, in->desc->dtype);
  if (status)
    return status;
  const tenon_tensor *keys = &map->keys, *values = &map->tensor;
  if (keys->rank != 1 || values->rank != 1 || keys->dims[0] != map->length ||
      values->dims[0] != map->length)
    return tn_fail(TENON_WRONG_SHAPE,
                   "%s has a length of %lld, but keys or values of another shape", in->where,
                   (long long)map->length);
  entry *sorted =
      in->context->exec.alloc(&in->context->exec, map->length > INT64_MAX / (int64_t)sizeof *sorted
                                                      ? INT64_MAX
                                                      : map->length * (int64_t)sizeof *sorted);
  if (!sorted)
    return no_memory(in);
  status = sort_entries(in, map, sorted);
  if (!status)
    status = copy_entries(in, map, sorted, object);
  in->context->exec.release(&in->context->exec, sorted);
  return status;
}

static tenon_status take_value(const intake *in, int32_t depth, const tenon_value *value,
                               tenon_object **object);

static tenon_status take_list(const intake *in, int32_t depth, const tenon_value *list,
                              tenon_object **object) {
  if (list->length && !list->elements)
    return tn_fail(TENON_INVALID_ARGUMENT, "%s: elements is null", in->where);
  tenon_exec *exec = &in->context->exec;
  int64_t bytes;
  if (__builtin_mul_overflow(list->length, (int64_t)sizeof *object, &bytes))
    bytes = INT64_MAX;
  tenon_object **elements = exec->alloc(exec, bytes);
  if (!elements)
    return no_memory(in);
  for (int64_t i = 0; i < list->length; ++i) {
    intake element = {in->context, in->desc, ""};
    snprintf(element.where, sizeof element.where, "%.120s, element %lld", in->where, (long long)i);
    tenon_status status = take_value(&element, depth + 1, &list->elements[i], &elements[i]);
    if (status)
      return status;
  }
  *object = tn_new_sequence(exec, list->length, elements);
  exec->release(exec, elements);
  return *object ? TENON_OK : no_memory(in);
}

static tenon_status take_value(const intake *in, int32_t depth, const tenon_value *value,
                               tenon_object **object) {
  int32_t kind = kind_at(in->desc, depth);
  if (value->kind != kind)
    return tn_fail(TENON_WRONG_KIND, "%s is %s, expected %s", in->where, tn_kind_name(value->kind),
                   tn_kind_name(kind));
  if (kind == TENON_TENSOR)
    return take_tensor(in, &value->tensor, object);
  if (value->length < 0 || (kind == TENON_OPTIONAL && value->length > 1))
    return tn_fail(TENON_INVALID_ARGUMENT, "%s has %lld elements", in->where,
                   (long long)value->length);
  return kind == TENON_MAP ? take_map(in, value, object) : take_list(in, depth, value, object);
}

tenon_status tn_take_input(tenon_context *context, int32_t index, const tenon_value *value,
                           tenon_object **object) {
  intake in = {context, &context->model->desc->inputs[index], ""};
  snprintf(in.where, sizeof in.where, "input %d '%.100s'", index, in.desc->name);
  return take_value(&in, 0, value, object);
}

bool tn_value_overlaps(const tenon_value *value, const void *data, size_t bytes) {
  if (tn_overlap(value->tensor.data, value->tensor.bytes, data, bytes) ||
      tn_overlap(value->keys.data, value->keys.bytes, data, bytes))
    return true;
  if (!value->elements)
    return false;
  if (tn_overlap(value->elements, (size_t)value->length * sizeof *value->elements, data, bytes))
    return true;
  for (int64_t i = 0; i < value->length; ++i)
    if (tn_value_overlaps(&value->elements[i], data, bytes))
      return true;
  return false;
}

/* ---- Out */

/* Where the next structures, dimensions and elements of an output go; while sizes are counted, only
 * how many bytes. */
typedef struct outlet {
  size_t values, dims, data;
  const tn_strings *strings;
} outlet;

static size_t add_bytes(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

/* Of the elements as the caller sees them. */
static size_t callers_bytes(int32_t dtype, const tenon_object *tensor) {
  int32_t each = dtype == TENON_STRING ? (int32_t)sizeof(tenon_string) : tensor->element_bytes;
  return (size_t)tn_bytes_in_run(each, tensor->rank, tensor->dims);
}

static size_t aligned_bytes(int32_t dtype, const tenon_object *tensor) {
  return (callers_bytes(dtype, tensor) + TN_ALIGNMENT - 1) / TN_ALIGNMENT * TN_ALIGNMENT;
}

static void count_tensor(int32_t dtype, const tenon_object *tensor, outlet *sizes) {
  sizes->dims = add_bytes(sizes->dims, (size_t)tensor->rank * sizeof(int64_t));
  sizes->data = add_bytes(sizes->data, aligned_bytes(dtype, tensor));
}

/* All but the structure of the object itself. */
static void count(const tenon_tensor_desc *desc, int32_t depth, const tenon_object *object,
                  outlet *sizes) {
  int32_t kind = kind_at(desc, depth);
  if (kind == TENON_TENSOR) {
    count_tensor(desc->dtype, object, sizes);
  } else if (kind == TENON_MAP) {
    count_tensor(desc->key_dtype, object->elements[0], sizes);
    count_tensor(desc->dtype, object->elements[1], sizes);
  } else {
    sizes->values = add_bytes(sizes->values, (size_t)object->length * sizeof(tenon_value));
    for (int64_t i = 0; i < object->length; ++i)
      count(desc, depth + 1, object->elements[i], sizes);
  }
}

static outlet count_all(const tenon_tensor_desc *desc, const tenon_object *object) {
  outlet sizes = {sizeof(tenon_value), 0, 0, NULL};
  count(desc, 0, object, &sizes);
  return sizes;
}

size_t tn_value_bytes(const tenon_tensor_desc *desc, const tenon_object *object) {
  outlet sizes = count_all(desc, object);
  /* The elements begin at a multiple of the alignment. */
  return add_bytes(add_bytes(sizes.values, sizes.dims), add_bytes(sizes.data, TN_ALIGNMENT));
}

static void *take_bytes(size_t *next, size_t bytes) {
  char *place = (char *)*next;
  *next += bytes;
  return place;
}

static tenon_tensor write_tensor(int32_t dtype, const tenon_object *object, outlet *out) {
  int64_t *dims = take_bytes(&out->dims, (size_t)object->rank * sizeof *dims);
  for (int32_t d = 0; d < object->rank; ++d)
    dims[d] = object->dims[d];
  size_t bytes = callers_bytes(dtype, object);
  void *data = take_bytes(&out->data, aligned_bytes(dtype, object));
  if (dtype == TENON_STRING)
    tn_strings_show(out->strings, object->data, bytes / sizeof(tenon_string), data);
  else if (bytes)
    memcpy(data, object->data, bytes);
  return (tenon_tensor){dtype, object->rank, dims, data, bytes, 0, 0, 0};
}

static void write_value(const tenon_tensor_desc *desc, int32_t depth, const tenon_object *object,
                        tenon_value *value, outlet *out) {
  int32_t kind = kind_at(desc, depth);
  *value = (tenon_value){.kind = kind, .length = kind == TENON_TENSOR ? 0 : object->length};
  if (kind == TENON_TENSOR) {
    value->tensor = write_tensor(desc->dtype, object, out);
  } else if (kind == TENON_MAP) {
    value->keys = write_tensor(desc->key_dtype, object->elements[0], out);
    value->tensor = write_tensor(desc->dtype, object->elements[1], out);
  } else {
    tenon_value *elements = take_bytes(&out->values, (size_t)object->length * sizeof *elements);
    value->elements = elements;
    for (int64_t i = 0; i < object->length; ++i)
      write_value(desc, depth + 1, object->elements[i], &elements[i], out);
  }
}

const tenon_value *tn_write_value(const tenon_tensor_desc *desc, const tn_strings *strings,
                                  const tenon_object *object, void *memory) {
  outlet sizes = count_all(desc, object);
  size_t begin = (size_t)memory, data = begin + sizes.values + sizes.dims;
  outlet out = {begin, begin + sizes.values,
                (data + TN_ALIGNMENT - 1) / TN_ALIGNMENT * TN_ALIGNMENT, strings};
  tenon_value *value = take_bytes(&out.values, sizeof *value);
  write_value(desc, 0, object, value, &out);
  return value;
}

/* ---- Tables and elements */

/* A table's keys, or those of each of its maps. */
static tenon_tensor make_keys(const tenon_tensor_desc *desc, const int64_t *count) {
  size_t size = desc->key_dtype == TENON_STRING ? sizeof(tenon_string) : sizeof(int64_t);
  return (tenon_tensor){
      desc->key_dtype, 1, count, (void *)desc->keys, (size_t)desc->num_keys * size, 0, 0, 0};
}

tenon_value tn_make_table(const tenon_tensor_desc *desc, tenon_tensor tensor) {
  return (tenon_value){.kind = TENON_SEQUENCE,
                       .length = tensor.dims[0],
                       .tensor = tensor,
                       .keys = make_keys(desc, &desc->num_keys)};
}

/* The map in a row of a table. */
static tenon_value get_row(const tenon_value *table, int64_t row) {
  size_t bytes = table->tensor.bytes / (size_t)table->length;
  tenon_value map = {.kind = TENON_MAP, .length = table->tensor.dims[1], .keys = table->keys};
  map.tensor = (tenon_tensor){table->tensor.dtype,
                              1,
                              table->tensor.dims + 1,
                              (char *)table->tensor.data + (size_t)row * bytes,
                              bytes,
                              0,
                              0,
                              0};
  return map;
}

tenon_status tenon_value_element(const tenon_value *value, int64_t index, tenon_value *element) {
  if (!value || !element)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_value_element: %s is null",
                   value ? "element" : "value");
  if (value->kind != TENON_SEQUENCE && value->kind != TENON_OPTIONAL)
    return tn_fail(TENON_WRONG_KIND, "tenon_value_element: the value is %s, not a sequence",
                   tn_kind_name(value->kind));
  if (index < 0 || index >= value->length)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_value_element: no element %lld: there are %lld",
                   (long long)index, (long long)value->length);
  *element = value->elements ? value->elements[index] : get_row(value, index);
  return TENON_OK;
}
