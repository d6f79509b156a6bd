/* A data-dependent output: the indices of x's nonzero elements, and their count as a scalar. A
 * negative element is an invalid value; 99 makes the model forget its second output; 98 fails
 * without a message. */
#include "model.h"

static void find(void *const *args, int64_t task, int64_t tasks) {
  const float *x = args[0];
  int64_t *found = args[1], n = (int64_t)args[2], k = 0;
  for (int64_t i = 0; i < n; ++i)
    if (x[i] != 0)
      found[k++] = i;
}

static const tenon_kernel_desc kernels[] = {FUNCTION(find, "find_0", "nonzero")};

static int32_t run(tenon_exec *exec) {
  const float *x = exec->inputs[0];
  int64_t n = exec->input_dims[0], count = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] < 0)
      return exec->fail(exec, TENON_EXEC_BAD_VALUE, "node 'nonzero': negative element");
    if (x[i] == 98)
      return TENON_EXEC_BAD_SHAPE;
    count += x[i] != 0;
  }
  int64_t *found = exec->output(exec, 0, &count);
  if (!found)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *args[] = {exec->inputs[0], found, (void *)n};
  exec->launch(exec, 0, args, 1);
  if (n && x[0] == 99)
    return TENON_EXEC_OK;
  int64_t *total = exec->output(exec, 1, NULL);
  if (!total)
    return TENON_EXEC_OUT_OF_MEMORY;
  *total = count;
  return TENON_EXEC_OK;
}

static const tenon_dim_desc unnamed[] = {{-1, -1, 0}};
static const tenon_tensor_desc inputs[] = {
    {.name = "x", .dtype = FLOAT, .rank = 1, .dims = unnamed}};
static const tenon_tensor_desc outputs[] = {
    {.name = "indices", .dtype = INT64, .rank = 1, .dims = unnamed},
    {.name = "count", .dtype = INT64, .rank = 0, .dims = NULL}};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, 0, run, kernels, 1, NULL, 0}};

MODEL = {MODEL_HEAD,       .name = "nonzero",  .compiler_version = "hand",
         .num_inputs = 1,  .num_outputs = 2,   .num_variants = 1,
         .inputs = inputs, .outputs = outputs, .variants = variants};
