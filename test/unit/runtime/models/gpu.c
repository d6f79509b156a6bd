/* A program whose first kernel a GPU runs and whose second one the host: out[i] = 2 a[i] + w[i],
 * with the weights w = 1, 2, 3, 4 and a length that only a run tells. */
#include "model.h"

#ifndef MODEL_ENTRY
#define MODEL_ENTRY "tenon_double"
#endif
#ifndef MODEL_ARCHITECTURE
#define MODEL_ARCHITECTURE "sm_80"
#endif
#ifndef MODEL_FEATURE
#define MODEL_FEATURE NULL
#endif

static void add(void *const *args, int64_t task, int64_t tasks) {
  const float *a = args[0], *w = args[1];
  float *out = args[2];
  int64_t n = (int64_t)args[3];
  for (int64_t i = share(n, task, tasks); i < share(n, task + 1, tasks); ++i)
    out[i] = a[i] + w[i % 4];
}

static const tenon_kernel_desc kernels[] = {{.kind = TENON_KERNEL_CUDA,
                                             .name = "double_0",
                                             .nodes = "twice",
                                             .entry = MODEL_ENTRY,
                                             .num_args = 3,
                                             .block_threads = 32},
                                            FUNCTION(add, "add_1", "")};

static int32_t run(tenon_exec *exec) {
  int64_t n = exec->input_dims[0], bytes = 4 * n;
  void *twice = exec->alloc(exec, bytes);
  void *out = twice ? exec->output(exec, 0, exec->input_dims) : NULL;
  if (!out)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *double_args[] = {exec->inputs[0], twice, (void *)n};
  exec->launch(exec, 0, double_args, (n + 31) / 32);
  float weights[4];
  float *sums = exec->host_alloc(exec, bytes);
  int32_t code = exec->transfer(exec, TENON_TRANSFER_TO_HOST, sums, twice, bytes);
  if (!code)
    code = exec->transfer(exec, TENON_TRANSFER_TO_HOST, weights, exec->weights, sizeof weights);
  if (code)
    return code;
  void *add_args[] = {sums, weights, sums, (void *)n};
  exec->launch(exec, 1, add_args, n);
  code = exec->transfer(exec, TENON_TRANSFER_TO_DEVICE, twice, sums, bytes);
  exec->host_release(exec, sums);
  return code ? code : exec->transfer(exec, TENON_TRANSFER_ON_DEVICE, out, twice, bytes);
}

static const float weights[] = {1, 2, 3, 4};
static const tenon_dim_desc vector[] = {{-1, 0, 0}};
static const tenon_tensor_desc inputs[] = {{"a", FLOAT, 1, vector}};
static const tenon_tensor_desc outputs[] = {{"out", FLOAT, 1, vector}};
static const char *const symbols[] = {"n"};
static const char *const features[] = {MODEL_ARCHITECTURE, "ptx70", MODEL_FEATURE, NULL};
static const char code[] = ".version 7.0";
static const tenon_variant_desc variants[] = {{.target = "cuda:" MODEL_ARCHITECTURE,
                                               .device = TENON_DEVICE_CUDA,
                                               .features = features,
                                               .arena_bytes = 4096,
                                               .run = run,
                                               .kernels = kernels,
                                               .num_kernels = 2,
                                               .weights = (const unsigned char *)weights,
                                               .weights_bytes = sizeof weights,
                                               .code = code,
                                               .code_bytes = sizeof code}};

MODEL = {MODEL_HEAD,         .name = "gpu",      .compiler_version = "hand", .num_inputs = 1,
         .num_outputs = 1,   .num_symbols = 1,   .num_variants = 1,          .inputs = inputs,
         .outputs = outputs, .symbols = symbols, .variants = variants};
