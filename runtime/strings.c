/* Strings: numbers for compiled code, bytes for callers.
 *
 * Compiled code knows a string by its handle (abi.h). Handles count through the model's table,
 * which is read once when the model is loaded and shared by its contexts, and then through the
 * strings that a run adds: those of its inputs, and those that kernels make. Both know their
 * strings by hash tables, so that equal strings have one handle.
 *
 * When a run begins, the elements of its string inputs become handles, in buffers of the context's,
 * or in the objects of sequences and maps.
 * When it ends, the handles in its string outputs become pointers, where they lie: a pointer with
 * its length takes twice as many bytes as a handle, so going backwards reads each handle before it
 * is overwritten. What a run adds is kept until the run after the next begins, since outputs may be
 * the inputs of the next one: two pools take turns.
 *
 * Memory only grows, and a pool is made as large as the other before it is needed, so that a run
 * which repeats another one allocates nothing. */
#include "runtime/objects.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- Hashing
 *
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with a key of the
 * process's own: who chooses a model's inputs cannot choose strings that meet in one slot. */

static uint64_t hash_key[2];

static void make_hash_key(void) {
  if (getrandom(hash_key, sizeof hash_key, GRND_NONBLOCK) != (ssize_t)sizeof hash_key)
    hash_key[0] = (uintptr_t)&hash_key ^ (uint64_t)tn_now(); /* better than none */
}

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static void mix(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

static uint64_t hash(const char *bytes, size_t count) {
  uint64_t v[4] = {
      hash_key[0] ^ UINT64_C(0x736f6d6570736575), hash_key[1] ^ UINT64_C(0x646f72616e646f6d),
      hash_key[0] ^ UINT64_C(0x6c7967656e657261), hash_key[1] ^ UINT64_C(0x7465646279746573)};
  size_t rest = count % 8;
  for (size_t at = 0; at + 8 <= count; at += 8) {
    uint64_t word;
    memcpy(&word, bytes + at, 8);
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
  }
  uint64_t last = (uint64_t)count << 56;
  for (size_t i = 0; i < rest; ++i)
    last |= (uint64_t)(unsigned char)bytes[count - rest + i] << 8 * i;
  v[3] ^= last;
  mix(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  mix(v);
  mix(v);
  mix(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- Lists of different strings */

/* Strings by number, and an open hash table of their numbers, one more than each, 0 where a slot is
 * free. At most half of the slots are taken. */
typedef struct list {
  tenon_string *strings;
  size_t count, capacity;
  uint32_t *slots;
  size_t num_slots; /* a power of two, or 0 */
} list;

/* No more than slots can name. */
static const size_t MAX_STRINGS = (size_t)1 << 31;

/* The slot of a string, or the free one where it belongs. */
static uint32_t *find_slot(const list *l, const char *bytes, size_t count, uint64_t hash_value) {
  for (size_t at = (size_t)hash_value;; ++at) {
    uint32_t *slot = &l->slots[at & (l->num_slots - 1)];
    if (!*slot)
      return slot;
    const tenon_string *s = &l->strings[*slot - 1];
    if (s->bytes == count && (!count || memcmp(s->data, bytes, count) == 0))
      return slot;
  }
}

/* The number of a string; -1 if it is not in the list. */
static int64_t find(const list *l, const char *bytes, size_t count, uint64_t hash_value) {
  if (!l->count)
    return -1;
  return (int64_t)*find_slot(l, bytes, count, hash_value) - 1;
}

static bool grow_list(list *l, size_t wanted) {
  if (wanted <= l->capacity)
    return true;
  if (wanted > MAX_STRINGS)
    return false;
  size_t capacity = l->capacity ? l->capacity : 32;
  while (capacity < wanted)
    capacity *= 2;
  tenon_string *strings = realloc(l->strings, capacity * sizeof *strings);
  if (!strings)
    return false;
  l->strings = strings;
  uint32_t *slots = calloc(2 * capacity, sizeof *slots);
  if (!slots)
    return false;
  free(l->slots);
  l->slots = slots;
  l->num_slots = 2 * capacity;
  l->capacity = capacity;
  for (size_t i = 0; i < l->count; ++i)
    *find_slot(l, strings[i].data, strings[i].bytes, hash(strings[i].data, strings[i].bytes)) =
        (uint32_t)i + 1;
  return true;
}

/* Adds a string that is not in the list; its bytes stay where they are. */
static bool append(list *l, tenon_string string, uint64_t hash_value) {
  if (!grow_list(l, l->count + 1))
    return false;
  l->strings[l->count] = string;
  *find_slot(l, string.data, string.bytes, hash_value) = (uint32_t)++l->count;
  return true;
}

static void empty_list(list *l) {
  if (l->count)
    memset(l->slots, 0, l->num_slots * sizeof *l->slots);
  l->count = 0;
}

static void free_list(list *l) {
  free(l->strings);
  free(l->slots);
}

/* ---- The model's table */

struct tn_string_table {
  list known;
};

tenon_status tn_make_string_table(const tenon_model_desc *desc, tn_string_table **result) {
  if (!desc->num_strings)
    return TENON_OK;
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_hash_key);
  tn_string_table *table = calloc(1, sizeof *table);
  *result = table;
  bool fits = table && grow_list(&table->known, (size_t)desc->num_strings);
  for (int64_t i = 0, begin = 0; fits && i < desc->num_strings; begin = desc->string_ends[i++]) {
    const char *bytes = desc->string_bytes + begin;
    size_t count = (size_t)(desc->string_ends[i] - begin);
    uint64_t hash_value = hash(bytes, count);
    if (find(&table->known, bytes, count, hash_value) >= 0)
      return tn_fail(TENON_INVALID_MODEL, "model '%s' is damaged: its table has string %lld twice",
                     desc->name, (long long)i);
    fits = append(&table->known, (tenon_string){bytes, count}, hash_value);
  }
  return fits ? TENON_OK
              : tn_fail(TENON_OUT_OF_MEMORY, "no memory for the strings of model '%s'", desc->name);
}

void tn_free_string_table(tn_string_table *table) {
  if (table)
    free_list(&table->known);
  free(table);
}

/* ---- What runs add */

typedef struct chunk {
  struct chunk *next;
  size_t bytes, used;
  char data[];
} chunk;

/* Strings of one run, and the memory of their bytes. */
typedef struct pool {
  list added;
  chunk *first, *current;
} pool;

static size_t count_bytes(const pool *p) {
  size_t bytes = 0;
  for (const chunk *c = p->first; c; c = c->next)
    bytes += c->used;
  return bytes;
}

/* A chunk of that size at the end of the list, which is the current one from now on. */
static bool add_chunk(pool *p, size_t bytes) {
  if (bytes > PTRDIFF_MAX - sizeof(chunk))
    return false;
  chunk *added = malloc(sizeof *added + bytes);
  if (!added)
    return false;
  added->next = NULL;
  added->bytes = bytes;
  added->used = 0;
  chunk **end = p->current ? &p->current->next : &p->first;
  while (*end)
    end = &(*end)->next;
  *end = added;
  p->current = added;
  return true;
}

/* Each chunk is at least twice as large as the one before, so that there are few. */
static char *take(pool *p, size_t bytes) {
  while (p->current && p->current->bytes - p->current->used < bytes && p->current->next)
    p->current = p->current->next;
  if (!p->current || p->current->bytes - p->current->used < bytes) {
    size_t doubled = p->current ? 2 * p->current->bytes : 4096;
    if (!add_chunk(p, bytes > doubled ? bytes : doubled))
      return NULL;
  }
  char *memory = p->current->data + p->current->used;
  p->current->used += bytes;
  return memory;
}

static void empty_pool(pool *p) {
  empty_list(&p->added);
  for (chunk *c = p->first; c; c = c->next)
    c->used = 0;
  p->current = p->first;
}

/* Makes room for what another pool holds. Only to be called of an empty one. */
static bool prepare_pool(pool *p, const pool *other) {
  size_t bytes = count_bytes(other), largest = 0;
  for (const chunk *c = p->first; c; c = c->next)
    largest = c->bytes > largest ? c->bytes : largest;
  if (!grow_list(&p->added, other->added.count))
    return false;
  return largest >= bytes || add_chunk(p, bytes);
}

static void free_pool(pool *p) {
  free_list(&p->added);
  while (p->first) {
    chunk *next = p->first->next;
    free(p->first);
    p->first = next;
  }
}

/* ---- The strings of a context */

struct tn_strings {
  tenon_strings services; /* first, so that services get from one to the other */
  tenon_context *context;
  const list *known;
  pool pools[2], *current;
  tn_buffer *handles; /* by input */
  tn_buffer work;
};

static const tenon_string *look_up(const tn_strings *s, int64_t handle) {
  uint64_t number = (uint64_t)handle;
  if (number < s->known->count)
    return &s->known->strings[number];
  number -= s->known->count;
  return number < s->current->added.count ? &s->current->added.strings[number] : NULL;
}

/* The handle of a string; -1 if there is no memory for it. */
static int64_t intern(tn_strings *s, const char *bytes, size_t count) {
  uint64_t hash_value = hash(bytes, count);
  int64_t number = find(s->known, bytes, count, hash_value);
  if (number >= 0)
    return number;
  list *added = &s->current->added;
  number = find(added, bytes, count, hash_value);
  if (number < 0) {
    char *copy = take(s->current, count);
    if (!copy)
      return -1;
    memcpy(copy, bytes, count);
    if (!append(added, (tenon_string){copy, count}, hash_value))
      return -1;
    number = (int64_t)added->count - 1;
  }
  return (int64_t)s->known->count + number;
}

static bool grow_buffer(tn_buffer *buffer, size_t bytes) {
  if (bytes <= buffer->bytes)
    return true;
  void *memory = realloc(buffer->data, bytes);
  if (!memory)
    return false;
  *buffer = (tn_buffer){memory, bytes};
  return true;
}

static void record_no_memory(tn_strings *s, const char *what, long long bytes) {
  if (!s->context->status)
    s->context->status = tn_fail(TENON_OUT_OF_MEMORY, "model '%s': no memory for %s of %lld bytes",
                                 s->context->model->desc->name, what, bytes);
}

static const char *service_get(const tenon_strings *strings, int64_t handle, int64_t *count) {
  const tenon_string *string = look_up((const tn_strings *)strings, handle);
  *count = string ? (int64_t)string->bytes : 0;
  return string ? string->data : "";
}

static int64_t service_intern(tenon_strings *strings, const char *bytes, int64_t count) {
  tn_strings *s = (tn_strings *)strings;
  int64_t handle = intern(s, bytes, (size_t)count);
  if (handle < 0)
    record_no_memory(s, "a string", count);
  return handle;
}

static void *service_reserve(tenon_strings *strings, int64_t bytes) {
  tn_strings *s = (tn_strings *)strings;
  size_t enough = s->work.bytes + s->work.bytes / 2, wanted = bytes > 0 ? (size_t)bytes : 1;
  if (wanted > s->work.bytes && !grow_buffer(&s->work, wanted > enough ? wanted : enough)) {
    record_no_memory(s, "characters", bytes);
    return NULL;
  }
  return s->work.data;
}

tenon_status tn_make_strings(tenon_context *context) {
  if (!context->model->strings)
    return TENON_OK;
  size_t inputs = (size_t)context->model->desc->num_inputs;
  tn_strings *s = calloc(1, sizeof *s);
  context->strings = s;
  if (s)
    s->handles = calloc(inputs + 1, sizeof *s->handles);
  if (!s || !s->handles)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for strings of a context of model '%s'",
                   context->model->desc->name);
  s->services = (tenon_strings){service_get, service_intern, service_reserve};
  s->context = context;
  s->known = &context->model->strings->known;
  s->current = &s->pools[0];
  context->exec.strings = &s->services;
  return TENON_OK;
}

void tn_free_strings(tn_strings *s, int32_t num_inputs) {
  if (!s)
    return;
  for (int32_t i = 0; s->handles && i < num_inputs; ++i)
    free(s->handles[i].data);
  free_pool(&s->pools[0]);
  free_pool(&s->pools[1]);
  free(s->handles);
  free(s->work.data);
  free(s);
}

/* ---- Runs */

tenon_status tn_strings_intern(tn_strings *s, const tenon_string *from, size_t count,
                               const char *where, int64_t *handles) {
  for (size_t i = 0; i < count; ++i) {
    if ((from[i].bytes && !from[i].data) || from[i].bytes > PTRDIFF_MAX)
      return tn_fail(TENON_INVALID_ARGUMENT, "%s: string %zu has %zu bytes%s", where, i,
                     from[i].bytes, from[i].data ? "" : " at a null pointer");
    handles[i] = intern(s, from[i].bytes ? from[i].data : "", from[i].bytes);
    if (handles[i] < 0)
      return tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory for string %zu of %zu bytes", where, i,
                     from[i].bytes);
  }
  return TENON_OK;
}

void tn_strings_show(const tn_strings *s, const int64_t *handles, size_t count, tenon_string *to) {
  for (size_t i = 0; i < count; ++i) {
    const tenon_string *string = look_up(s, handles[i]);
    to[i] = string ? *string : (tenon_string){"", 0};
  }
}

static tenon_status intern_input(tn_strings *s, int32_t index) {
  const tenon_tensor_desc *desc = &s->context->model->desc->inputs[index];
  const tenon_string *strings = s->context->input_data[index];
  size_t count = s->context->input_bytes[index] / sizeof *strings;
  char where[160];
  snprintf(where, sizeof where, "input %d '%.100s'", index, desc->name);
  if (!grow_buffer(&s->handles[index], count * sizeof(int64_t)))
    return tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory for %zu strings", where, count);
  s->context->input_data[index] = s->handles[index].data;
  s->context->input_bytes[index] = count * sizeof(int64_t);
  return tn_strings_intern(s, strings, count, where, s->handles[index].data);
}

static pool *other_pool(tn_strings *s) {
  return s->current == &s->pools[0] ? &s->pools[1] : &s->pools[0];
}

void tn_strings_take_turns(tn_strings *s) {
  s->current = other_pool(s);
  empty_pool(s->current);
}

void tn_strings_take_back(tn_strings *s) { s->current = other_pool(s); }

/* Whether an input or output is a tensor of strings. Those in other values are with their objects.
 */
static bool is_string_tensor(const tenon_tensor_desc *desc) {
  return desc->dtype == TENON_STRING && !desc->num_kinds;
}

tenon_status tn_strings_begin_run(tn_strings *s) {
  const tenon_model_desc *desc = s->context->model->desc;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    tenon_status status = is_string_tensor(&desc->inputs[i]) ? intern_input(s, i) : TENON_OK;
    if (status)
      return status;
  }
  return TENON_OK;
}

/* Handles to pointers, in place. */
static bool show(const tn_strings *s, const tn_output *output) {
  for (size_t i = output->bytes / sizeof(tenon_string); i-- > 0;) {
    int64_t handle;
    memcpy(&handle, (char *)output->data + i * sizeof handle, sizeof handle);
    const tenon_string *string = look_up(s, handle);
    if (!string)
      return false;
    memcpy((char *)output->data + i * sizeof *string, string, sizeof *string);
  }
  return true;
}

tenon_status tn_strings_end_run(tn_strings *s) {
  const tenon_model_desc *desc = s->context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i)
    if (is_string_tensor(&desc->outputs[i]) && !show(s, &s->context->outputs[i]))
      return tn_fail(TENON_INTERNAL_ERROR, "model '%s' wrote no string to output %d '%s'",
                     desc->name, i, desc->outputs[i].name);
  /* The other pool holds the strings of the run before, which nobody may read any more. */
  pool *other = other_pool(s);
  empty_pool(other);
  if (!prepare_pool(other, s->current))
    return tn_fail(TENON_OUT_OF_MEMORY, "model '%s': no memory for the strings of the next run",
                   desc->name);
  return TENON_OK;
}
