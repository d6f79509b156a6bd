/* Dynamic shapes: out[b,s] = sum(a[b,:]) * a[b,s] * w[b], through two run-time sized
 * buffers, one of them released early. Rows are split over threads, sums never. */
#include "model.h"

static void sum(void *const *args, int64_t task, int64_t tasks) {
  const float *a = args[0];
  float *sums = args[1];
  int64_t batch = (int64_t)args[2], seq = (int64_t)args[3];
  for (int64_t b = share(batch, task, tasks); b < share(batch, task + 1, tasks); ++b) {
    float total = 0;
    for (int64_t s = 0; s < seq; ++s)
      total += a[b * seq + s];
    sums[b] = total;
  }
}

static void scale(void *const *args, int64_t task, int64_t tasks) {
  const float *a = args[0], *sums = args[1], *w = args[2];
  float *out = args[3];
  int64_t batch = (int64_t)args[4], seq = (int64_t)args[5];
  for (int64_t b = share(batch, task, tasks); b < share(batch, task + 1, tasks); ++b)
    for (int64_t s = 0; s < seq; ++s)
      out[b * seq + s] = sums[b] * a[b * seq + s] * w[b];
}

static const tenon_kernel_desc kernels[] = {FUNCTION(sum, "sum_0", ""),
                                            FUNCTION(scale, "scale_1", "")};

static int32_t run(tenon_exec *exec) {
  int64_t batch = exec->input_dims[0], seq = exec->input_dims[1];
  void *scratch = exec->alloc(exec, batch * seq * 4);
  void *sums = exec->alloc(exec, batch * 4);
  if (!scratch || !sums)
    return TENON_EXEC_OUT_OF_MEMORY;
  if ((uintptr_t)scratch % 64 || (uintptr_t)sums % 64)
    return exec->fail(exec, TENON_EXEC_BAD_VALUE, "alloc gave misaligned memory");
  exec->release(exec, scratch);
  void *sum_args[] = {exec->inputs[0], sums, (void *)batch, (void *)seq};
  exec->launch(exec, 0, sum_args, batch);
  void *out = exec->output(exec, 0, exec->input_dims);
  if (!out)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *args[] = {exec->inputs[0], sums, exec->inputs[1], out, (void *)batch, (void *)seq};
  exec->launch(exec, 1, args, batch);
  return TENON_EXEC_OK; // sums goes back with the end of the run
}

static const tenon_dim_desc matrix[] = {{-1, 0, 0}, {-1, 1, 0}};
static const tenon_dim_desc vector[] = {{-1, 0, 0}};
static const tenon_tensor_desc inputs[] = {
    {.name = "a", .dtype = FLOAT, .rank = 2, .dims = matrix},
    {.name = "w", .dtype = FLOAT, .rank = 1, .dims = vector}};
static const tenon_tensor_desc outputs[] = {
    {.name = "out", .dtype = FLOAT, .rank = 2, .dims = matrix}};
static const char *const symbols[] = {"batch", "seq"};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, 0, run, kernels, 2, NULL, 0}};

MODEL = {MODEL_HEAD,         .name = "scale",    .compiler_version = "hand", .num_inputs = 2,
         .num_outputs = 1,   .num_symbols = 2,   .num_variants = 1,          .inputs = inputs,
         .outputs = outputs, .symbols = symbols, .variants = variants};
