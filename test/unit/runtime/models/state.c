/* A state: y = h + x, and h of the next run is 2 y. It is written once h is read no more, so both
 * may lie in one memory. */
#include "model.h"

static void add(void *const *args, int64_t task, int64_t tasks) {
  const float *h = args[0], *x = args[1];
  float *y = args[2];
  int64_t n = (int64_t)args[3];
  for (int64_t i = share(n, task, tasks); i < share(n, task + 1, tasks); ++i)
    y[i] = h[i] + x[i];
}

static void twice(void *const *args, int64_t task, int64_t tasks) {
  const float *y = args[0];
  float *next = args[1];
  int64_t n = (int64_t)args[2];
  for (int64_t i = share(n, task, tasks); i < share(n, task + 1, tasks); ++i)
    next[i] = y[i] + y[i];
}

static const tenon_kernel_desc kernels[] = {FUNCTION(add, "add_0", ""),
                                            FUNCTION(twice, "twice_1", "")};

static int32_t run(tenon_exec *exec) {
  const int64_t *n = exec->input_dims;
  void *y = exec->output(exec, 0, n);
  if (!y)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *add_args[] = {exec->inputs[0], exec->inputs[1], y, (void *)*n};
  exec->launch(exec, 0, add_args, *n);
  void *next = exec->output(exec, 1, n);
  if (!next)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *twice_args[] = {y, next, (void *)*n};
  exec->launch(exec, 1, twice_args, *n);
  return TENON_EXEC_OK;
}

static const tenon_dim_desc dims[] = {{-1, 0, 0}};
static const tenon_tensor_desc inputs[] = {{.name = "h", .dtype = FLOAT, .rank = 1, .dims = dims},
                                           {.name = "x", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const tenon_tensor_desc outputs[] = {
    {.name = "y", .dtype = FLOAT, .rank = 1, .dims = dims},
    {.name = "next", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const tenon_state_desc states[] = {{0, 1}};
static const char *const symbols[] = {"n"};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, 0, run, kernels, 2, NULL, 0}};

MODEL = {MODEL_HEAD,         .name = "state",    .compiler_version = "hand", .num_inputs = 2,
         .num_outputs = 2,   .num_symbols = 1,   .num_variants = 1,          .inputs = inputs,
         .outputs = outputs, .symbols = symbols, .variants = variants,       .states = states,
         .num_states = 1};
