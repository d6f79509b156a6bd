/* Outputs of a run: where they are, which is the caller's memory or buffers of the context, and
 * what the caller gets of them. */
#include "runtime/run.h"

#include <stdlib.h>

/* Nothing shares memory with what has no bytes. */
bool tn_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
  uintptr_t first = (uintptr_t)a, second = (uintptr_t)b;
  return a_bytes && b_bytes && first < second + b_bytes && second < first + a_bytes;
}

/* The input that shares memory with [data, data + bytes), other than `except`; -1: none does. */
static int32_t overlapping_input(const tenon_context *context, const void *data, size_t bytes,
                                 int32_t except) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    bool overlaps =
        tn_is_tensor(&desc->inputs[i])
            ? tn_overlap(tn_caller_input(context, i)->data, tn_caller_input(context, i)->bytes,
                         data, bytes)
            : bytes && tn_value_overlaps(tn_value_of(tn_caller_input(context, i)), data, bytes);
    if (i != except && overlaps)
      return i;
  }
  return -1;
}

/* The input whose next value the output is; -1: it is no state. */
static int32_t state_input(const tenon_model_desc *desc, int32_t output) {
  for (int32_t i = 0; i < desc->num_states; ++i)
    if (desc->states[i].output == output)
      return desc->states[i].input;
  return -1;
}

/* The input whose memory a caller's output must not have; -1: there is none. */
static int32_t forbidden_input(const tenon_context *context, int32_t index, const void *data,
                               size_t bytes) {
  int32_t state = state_input(context->model->desc, index);
  bool is_same = state >= 0 && data == tn_caller_input(context, state)->data &&
                 bytes == tn_caller_input(context, state)->bytes;
  return overlapping_input(context, data, bytes, is_same ? state : -1);
}

/* The output of this run that shares memory with what output `index` has got; -1: none does. Each
 * pair is compared when the later one gets its memory. */
static int32_t overlapping_output(const tenon_context *context, int32_t index) {
  const tn_output *output = &context->outputs[index];
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    const tn_output *other = &context->outputs[i];
    if (i != index && other->data &&
        tn_overlap(other->data, other->bytes, output->data, output->bytes))
      return i;
  }
  return -1;
}

/* The caller's structure must not keep a pointer to what is gone if this run fails. */
static void forget_buffer(const tenon_context *context, int32_t index, const tn_buffer *buffer) {
  tenon_tensor *tensor = tn_caller_output(context, index);
  if (tensor->data == buffer->data)
    tensor->data = NULL;
  if (!tn_has_values(context))
    return;
  tenon_value *value = (tenon_value *)tn_value_of(tensor);
  if (tn_overlap(value->elements, sizeof *value, buffer->data, buffer->bytes))
    *value = (tenon_value){.kind = value->kind};
}

/* The context's own buffer. It only grows, and by a quarter at least, so that outputs which become
 * longer with every run (a decoder's cache) seldom allocate. A caller may feed it back as an input
 * of the next run; a second buffer then takes turns with it. */
static void *own_buffer(tenon_context *context, int32_t index, size_t bytes) {
  tn_output *output = &context->outputs[index];
  if (overlapping_input(context, output->buffer.data, output->buffer.bytes, -1) >= 0) {
    tn_buffer other = output->other;
    output->other = output->buffer;
    output->buffer = other;
  }
  tn_buffer *buffer = &output->buffer;
  if (buffer->data && bytes <= buffer->bytes)
    return buffer->data;
  size_t enough = buffer->bytes + buffer->bytes / 4;
  size_t wanted = bytes > enough ? bytes : enough;
  void *memory = tn_alloc(wanted);
  if (!memory)
    return NULL;
  forget_buffer(context, index, buffer);
  free(buffer->data);
  *buffer = (tn_buffer){memory, wanted};
  return memory;
}

/* Whether the output goes to a buffer of the context, which the caller may have from earlier. */
static bool is_own(const tn_output *output, const void *data) {
  return !data || data == output->buffer.data || data == output->other.data;
}

void *tn_callers_buffer(tenon_context *context, int32_t index, const int64_t *dims) {
  size_t bytes = context->outputs[index].bytes;
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  const tenon_tensor *caller = tn_caller_output(context, index);
  tn_dims_text text;
  if (caller->capacity < bytes) {
    TN_RECORD(context, TENON_BUFFER_TOO_SMALL,
              "output %d '%s' has a capacity of %zu bytes, but %s of %s is %zu", index, desc->name,
              caller->capacity, tn_print_dims(&text, desc->rank, dims),
              tenon_dtype_name(desc->dtype), bytes);
    return NULL;
  }
  int32_t input = forbidden_input(context, index, caller->data, bytes);
  if (input >= 0) {
    TN_RECORD(context, TENON_INVALID_ARGUMENT, "output %d '%s' overlaps input %d '%s'", index,
              desc->name, input, context->model->desc->inputs[input].name);
    return NULL;
  }
  return caller->data;
}

/* Where compiled code writes the elements of an output: those that are packed when the run ends to
 * a block of the region. */
static void *place_elements(tenon_context *context, int32_t index) {
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  tn_output *output = &context->outputs[index];
  output->run_data = output->data;
  output->run_bytes = output->bytes;
  if (desc->dtype == TENON_STRING)
    output->run_bytes = (size_t)tn_count(desc->rank, output->dims) * sizeof(int64_t); // handles
  if (output->data && tn_is_packed(desc->dtype)) {
    output->run_bytes = (size_t)tn_count(desc->rank, output->dims);
    output->run_data = tn_run_alloc(context, (int64_t)output->run_bytes);
  }
  return output->run_data;
}

bool tn_size_output(tenon_context *context, int32_t index, const int64_t *dims) {
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  tn_output *output = &context->outputs[index];
  int64_t bytes = tenon_tensor_bytes(desc->dtype, desc->rank, dims);
  if (bytes < 0) {
    tn_dims_text text;
    TN_RECORD(context, TENON_WRONG_SHAPE, "output %d '%s' would be %s of %s", index, desc->name,
              tn_print_dims(&text, desc->rank, dims), tenon_dtype_name(desc->dtype));
    return false;
  }
  for (int32_t d = 0; d < desc->rank; ++d)
    output->dims[d] = dims[d];
  output->bytes = (size_t)bytes;
  return true;
}

bool tn_is_input(const tenon_context *context, const void *data, size_t bytes) {
  return overlapping_input(context, data, bytes, -1) >= 0;
}

void *tn_set_output(tenon_context *context, int32_t index, void *data) {
  tn_output *output = &context->outputs[index];
  output->data = data;
  int32_t other = data ? overlapping_output(context, index) : -1;
  if (other >= 0) {
    const tenon_tensor_desc *outputs = context->model->desc->outputs;
    TN_RECORD(context, TENON_INVALID_ARGUMENT, "output %d '%s' overlaps output %d '%s'", index,
              outputs[index].name, other, outputs[other].name);
    output->data = NULL;
  }
  return output->data;
}

void *tn_host_output(tenon_exec *exec, int32_t index, const int64_t *dims) {
  tenon_context *context = tn_context_of(exec);
  const tn_output *output = &context->outputs[index];
  if (!tn_size_output(context, index, dims))
    return NULL;
  void *data;
  if (is_own(output, tn_caller_output(context, index)->data)) {
    data = own_buffer(context, index, output->bytes);
    if (!data)
      TN_RECORD(context, TENON_OUT_OF_MEMORY, "output %d '%s': no memory for %zu bytes", index,
                context->model->desc->outputs[index].name, output->bytes);
  } else {
    data = tn_callers_buffer(context, index, dims);
  }
  tn_set_output(context, index, data);
  return place_elements(context, index);
}

int32_t tn_output_object(tenon_exec *exec, int32_t index, const tenon_object *object) {
  tenon_context *context = tn_context_of(exec);
  tn_output *output = &context->outputs[index];
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  size_t bytes = tn_value_bytes(desc, object);
  void *memory = own_buffer(context, index, bytes);
  if (!memory)
    return tn_record(exec, TENON_OUT_OF_MEMORY, "output %d '%s': no memory for %zu bytes", index,
                     desc->name, bytes);
  output->data = (void *)tn_write_value(desc, context->strings, object, memory);
  output->bytes = bytes;
  return TENON_EXEC_OK;
}

void tn_pack_outputs(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    const tn_output *output = &context->outputs[i];
    if (tn_is_tensor(&desc->outputs[i]) && tn_is_packed(desc->outputs[i].dtype))
      tn_pack(desc->outputs[i].dtype, tn_count(desc->outputs[i].rank, output->dims),
              output->run_data, output->data);
  }
}

static void hand_over_tensor(const tn_output *output, const tenon_tensor_desc *desc,
                             tenon_tensor *result) {
  result->dtype = desc->dtype;
  result->rank = desc->rank;
  result->dims = output->dims;
  result->data = output->data;
  result->bytes = output->bytes;
}

void tn_hand_over(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    const tn_output *output = &context->outputs[i];
    tenon_tensor *tensor = tn_caller_output(context, i);
    tenon_value *value = (tenon_value *)tn_value_of(tensor);
    if (!tn_is_tensor(&desc->outputs[i])) {
      *value = *(const tenon_value *)output->data;
      continue;
    }
    hand_over_tensor(output, &desc->outputs[i], tensor);
    if (tn_is_table(&desc->outputs[i]))
      *value = tn_make_table(&desc->outputs[i], *tensor);
    else if (tn_has_values(context))
      *value = (tenon_value){.kind = TENON_TENSOR, .tensor = *tensor};
  }
}
