/* Sequences, optionals and maps while a run computes with them.
 *
 * Objects are blocks of the context's region, so that whatever happens all are back when the run
 * ends. References only give them back earlier, which matters in loops: an object counts who refers
 * to it, compiled code and other objects, and goes with the last one. A sequence refers to its
 * elements; copying one copies pointers. What has one reference, which is given to `insert` or
 * `erase`, changes in place, so a loop that appends n tensors moves each of them once. */
#include "runtime/objects.h"

#include <string.h>

/* A sequence's list of elements is a block of its own, which grows. */
typedef struct object {
  tenon_object view; /* first: it is what others see */
  int64_t references;
  int64_t capacity; /* of the list of elements */
  bool is_map;
} object;

static object *object_of(const tenon_object *view) { return (object *)view; }

static tenon_object **elements_of(const tenon_object *view) {
  return (tenon_object **)view->elements;
}

/* Rounded up so that what follows is aligned; INT64_MAX, which nobody has, if it is too much. */
static int64_t align_up(int64_t bytes) {
  return bytes > INT64_MAX - TN_ALIGNMENT
             ? INT64_MAX
             : (bytes + TN_ALIGNMENT - 1) / TN_ALIGNMENT * TN_ALIGNMENT;
}

int64_t tn_bytes_in_run(int32_t element_bytes, int32_t rank, const int64_t *dims) {
  int64_t bytes = element_bytes;
  bool is_empty = false;
  for (int32_t i = 0; i < rank; ++i)
    is_empty |= dims[i] == 0;
  for (int32_t i = 0; i < rank && !is_empty; ++i)
    if (dims[i] < 0 || __builtin_mul_overflow(bytes, dims[i], &bytes))
      return INT64_MAX;
  return is_empty ? 0 : bytes;
}

tenon_object *tn_new_tensor(tenon_exec *exec, int32_t element_bytes, int32_t rank,
                            const int64_t *dims, void *borrowed) {
  int64_t head = align_up((int64_t)sizeof(object) + rank * (int64_t)sizeof *dims);
  int64_t bytes = borrowed ? 0 : tn_bytes_in_run(element_bytes, rank, dims);
  object *made = exec->alloc(exec, bytes > INT64_MAX - head ? INT64_MAX : head + bytes);
  if (!made)
    return NULL;
  int64_t *sizes = (int64_t *)(made + 1);
  for (int32_t i = 0; i < rank; ++i)
    sizes[i] = dims[i];
  *made = (object){.view = {.data = borrowed ? borrowed : (char *)made + head,
                            .dims = sizes,
                            .element_bytes = element_bytes,
                            .rank = rank},
                   .references = 1};
  return &made->view;
}

/* A list with so much room and nothing in it. */
static tenon_object *new_list(tenon_exec *exec, int64_t capacity) {
  object *made = exec->alloc(exec, sizeof *made);
  int64_t bytes;
  if (__builtin_mul_overflow(capacity, (int64_t)sizeof(tenon_object *), &bytes))
    bytes = INT64_MAX;
  tenon_object **elements = made ? exec->alloc(exec, bytes) : NULL;
  if (!elements) {
    exec->release(exec, made);
    return NULL;
  }
  *made = (object){.view = {.elements = elements}, .references = 1, .capacity = capacity};
  return &made->view;
}

static void service_retain(tenon_exec *exec, tenon_object *view) { ++object_of(view)->references; }

/* Lists are nested as deep as types are, so recursion ends soon. */
static void service_release_object(tenon_exec *exec, tenon_object *view) {
  object *gone = object_of(view);
  if (--gone->references)
    return;
  int64_t parts = gone->is_map ? 2 : view->length;
  for (int64_t i = 0; view->elements && i < parts; ++i)
    service_release_object(exec, elements_of(view)[i]);
  exec->release(exec, (void *)view->elements);
  exec->release(exec, gone);
}

static tenon_object *service_make_tensor(tenon_exec *exec, int32_t element_bytes, int32_t rank,
                                         const int64_t *dims, const void *data) {
  tenon_object *made = tn_new_tensor(exec, element_bytes, rank, dims, NULL);
  int64_t bytes = made ? tn_bytes_in_run(element_bytes, rank, dims) : 0;
  if (bytes)
    memcpy(made->data, data, (size_t)bytes);
  return made;
}

tenon_object *tn_new_sequence(tenon_exec *exec, int64_t length, tenon_object *const *elements) {
  tenon_object *made = new_list(exec, length);
  if (!made)
    return NULL;
  for (int64_t i = 0; i < length; ++i)
    elements_of(made)[i] = elements[i];
  made->length = length;
  return made;
}

tenon_object *tn_new_map(tenon_exec *exec, tenon_object *keys, tenon_object *values) {
  tenon_object *parts[] = {keys, values};
  tenon_object *made = tn_new_sequence(exec, 2, parts);
  if (made) {
    object_of(made)->is_map = true;
    made->length = keys->dims[0];
  }
  return made;
}

/* A list that nobody else refers to, with the elements of `sequence` and room for one more. */
static tenon_object *own_list(tenon_exec *exec, tenon_object *sequence, bool consumes) {
  object *given = object_of(sequence);
  bool is_ours = consumes && given->references == 1;
  int64_t length = sequence->length;
  if (is_ours && length < given->capacity)
    return sequence;
  tenon_object *list = new_list(exec, length < 4 ? 8 : length + length / 2);
  if (!list)
    return NULL;
  memcpy((void *)list->elements, sequence->elements, (size_t)length * sizeof *list->elements);
  list->length = length;
  /* Elements move along with the last reference to the list that they were in. */
  if (is_ours)
    sequence->length = 0;
  else
    for (int64_t i = 0; i < length; ++i)
      service_retain(exec, list->elements[i]);
  if (consumes)
    service_release_object(exec, sequence);
  return list;
}

static tenon_object *service_insert(tenon_exec *exec, tenon_object *sequence, int64_t position,
                                    tenon_object *element, int32_t consumes) {
  tenon_object *list = own_list(exec, sequence, consumes);
  if (!list)
    return NULL;
  tenon_object **elements = elements_of(list);
  memmove(elements + position + 1, elements + position,
          (size_t)(list->length - position) * sizeof *elements);
  elements[position] = element;
  ++list->length;
  return list;
}

static tenon_object *service_erase(tenon_exec *exec, tenon_object *sequence, int64_t position,
                                   int32_t consumes) {
  tenon_object *list = own_list(exec, sequence, consumes);
  if (!list)
    return NULL;
  tenon_object **elements = elements_of(list);
  service_release_object(exec, elements[position]);
  --list->length;
  memmove(elements + position, elements + position + 1,
          (size_t)(list->length - position) * sizeof *elements);
  return list;
}

/* ---- Parts of tensors */

/* A tensor seen around an axis: rows of `inner` bytes, `size` of them behind one another. */
typedef struct around {
  int64_t outer, size, inner;
} around;

static around look_around(int32_t element_bytes, int32_t rank, const int64_t *dims, int32_t axis) {
  return (around){tn_bytes_in_run(1, axis, dims), axis < rank ? dims[axis] : 1,
                  axis < rank ? tn_bytes_in_run(element_bytes, rank - axis - 1, dims + axis + 1)
                              : element_bytes};
}

static void copy_bytes(void *to, const void *from, int64_t bytes) {
  if (bytes)
    memcpy(to, from, (size_t)bytes);
}

/* The number of parts; -1 after recording that sizes do not fit the dimension. */
static int64_t count_parts(tenon_exec *exec, int64_t whole, const int64_t *sizes, int64_t num_sizes,
                           const char *where) {
  if (num_sizes < 0) {
    if (sizes[0] > 0)
      return whole / sizes[0] + (whole % sizes[0] != 0);
    tn_record(exec, TENON_INVALID_VALUE, "%sparts have size %lld, which must be positive", where,
              (long long)sizes[0]);
    return -1;
  }
  int64_t sum = 0;
  for (int64_t i = 0; i < num_sizes; ++i) {
    if (sizes[i] < 0) {
      tn_record(exec, TENON_INVALID_VALUE, "%spart %lld has size %lld", where, (long long)i,
                (long long)sizes[i]);
      return -1;
    }
    if (__builtin_add_overflow(sum, sizes[i], &sum))
      sum = INT64_MAX;
  }
  if (sum == whole)
    return num_sizes;
  tn_record(exec, TENON_INVALID_VALUE,
            "%sparts have %lld positions together, but the axis has %lld", where, (long long)sum,
            (long long)whole);
  return -1;
}

/* Positions [start, start + size) of the axis. */
static tenon_object *cut(tenon_exec *exec, const tenon_object *whole, int32_t axis, int64_t start,
                         int64_t size, bool drops_axis) {
  int64_t *dims = exec->alloc(exec, (int64_t)whole->rank * (int64_t)sizeof *dims);
  if (!dims)
    return NULL;
  int32_t rank = 0;
  for (int32_t i = 0; i < whole->rank; ++i)
    if (i != axis || !drops_axis)
      dims[rank++] = i == axis ? size : whole->dims[i];
  tenon_object *part = tn_new_tensor(exec, whole->element_bytes, rank, dims, NULL);
  exec->release(exec, dims);
  if (!part)
    return NULL;
  around view = look_around(whole->element_bytes, whole->rank, whole->dims, axis);
  if (tn_bytes_in_run(whole->element_bytes, rank, part->dims))
    for (int64_t i = 0; i < view.outer; ++i)
      copy_bytes((char *)part->data + i * size * view.inner,
                 (const char *)whole->data + (i * view.size + start) * view.inner,
                 size * view.inner);
  return part;
}

static tenon_object *service_split(tenon_exec *exec, int32_t element_bytes, int32_t rank,
                                   const int64_t *dims, const void *data, int32_t axis,
                                   const int64_t *sizes, int64_t num_sizes, int32_t drops_axis,
                                   const char *where) {
  const tenon_object whole = {
      .data = (void *)data, .dims = dims, .element_bytes = element_bytes, .rank = rank};
  int64_t count = count_parts(exec, dims[axis], sizes, num_sizes, where);
  tenon_object *parts = count < 0 ? NULL : new_list(exec, count);
  int64_t start = 0;
  for (int64_t i = 0; parts && i < count; ++i) {
    int64_t size = num_sizes < 0 ? sizes[0] : sizes[i];
    size = size < dims[axis] - start ? size : dims[axis] - start;
    tenon_object *part = cut(exec, &whole, axis, start, size, drops_axis);
    if (!part)
      return NULL; /* what there is goes with the run */
    elements_of(parts)[parts->length++] = part;
    start += size;
  }
  return parts;
}

static int32_t service_concat_dims(tenon_exec *exec, const tenon_object *sequence, int32_t rank,
                                   int32_t axis, int32_t new_axis, int64_t *dims,
                                   const char *where) {
  if (!sequence->length)
    return tn_record(exec, TENON_INVALID_VALUE, "%sthe sequence is empty", where);
  int32_t inner_rank = new_axis ? rank - 1 : rank;
  const tenon_object *first = sequence->elements[0];
  int64_t joined = 0;
  for (int64_t i = 0; i < sequence->length; ++i) {
    const tenon_object *element = sequence->elements[i];
    if (element->rank != inner_rank)
      return tn_record(exec, TENON_WRONG_SHAPE, "%selement %lld has rank %d, not %d", where,
                       (long long)i, element->rank, inner_rank);
    for (int32_t d = 0; d < inner_rank; ++d)
      if (element->dims[d] != first->dims[d] && (new_axis || d != axis))
        return tn_record(exec, TENON_WRONG_SHAPE,
                         "%selement %lld has size %lld in dimension %d, but element 0 has %lld",
                         where, (long long)i, (long long)element->dims[d], d,
                         (long long)first->dims[d]);
    if (__builtin_add_overflow(joined, new_axis ? 1 : element->dims[axis], &joined))
      joined = INT64_MAX;
  }
  for (int32_t d = 0; d < rank; ++d)
    dims[d] = d == axis ? joined : first->dims[new_axis && d > axis ? d - 1 : d];
  return TENON_EXEC_OK;
}

/* With a new axis each element is one position of it: rows of all that is behind the axis. */
static void service_concat(tenon_exec *exec, const tenon_object *sequence, int32_t axis,
                           int32_t new_axis, void *result) {
  int64_t total = 0, start = 0;
  for (int64_t i = 0; i < sequence->length; ++i)
    total += new_axis ? 1 : sequence->elements[i]->dims[axis];
  for (int64_t i = 0; i < sequence->length; ++i) {
    const tenon_object *element = sequence->elements[i];
    around view = look_around(element->element_bytes, element->rank, element->dims, axis);
    int64_t row = new_axis ? view.size * view.inner : view.inner, size = new_axis ? 1 : view.size;
    if (tn_bytes_in_run(element->element_bytes, element->rank, element->dims))
      for (int64_t o = 0; o < view.outer; ++o)
        copy_bytes((char *)result + (o * total + start) * row,
                   (const char *)element->data + o * size * row, size * row);
    start += size;
  }
}

void tn_install_value_services(tenon_exec *exec) {
  exec->make_tensor = service_make_tensor;
  exec->make_sequence = tn_new_sequence;
  exec->insert = service_insert;
  exec->erase = service_erase;
  exec->split = service_split;
  exec->concat_dims = service_concat_dims;
  exec->concat = service_concat;
  exec->retain = service_retain;
  exec->release_object = service_release_object;
}
