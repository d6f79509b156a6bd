/* z = 2 x for 1024 floats through scratch memory: every task fills all of its own before it reads
 * any of it, so tasks that shared memory would disturb each other. A second kernel takes more, but
 * for two tasks at most. */
#include "model.h"

enum { SIZE = 1024, SMALL = 64, LARGE = 1 << 16 };

static void twice(const float *x, float *z, float *scratch, int64_t room, int64_t task,
                  int64_t tasks) {
  int64_t begin = share(SIZE, task, tasks), end = share(SIZE, task + 1, tasks);
  for (int64_t at = begin; at < end;) {
    int64_t count = end - at < room ? end - at : room;
    for (int64_t i = 0; i < room; ++i)
      scratch[i] = i < count ? x[at + i] + x[at + i] : (float)task;
    for (int64_t i = 0; i < count; ++i)
      z[at + i] = scratch[i];
    at += count;
  }
}

static void small(void *const *args, int64_t task, int64_t tasks) {
  twice(args[0], args[1], (float *)((char *)args[2] + task * SMALL), SMALL / 4, task, tasks);
}

static void large(void *const *args, int64_t task, int64_t tasks) {
  twice(args[0], args[1], (float *)((char *)args[2] + task * LARGE), LARGE / 4, task, tasks);
}

static const tenon_kernel_desc kernels[] = {
    FUNCTION(small, "small_0", "", .scratch_bytes = SMALL),
    FUNCTION(large, "large_1", "", .scratch_bytes = LARGE, .max_tasks = 2)};

static int32_t run(tenon_exec *exec) {
  static const int64_t dims[] = {SIZE};
  if ((uintptr_t)exec->scratch % 64)
    return exec->fail(exec, TENON_EXEC_BAD_VALUE, "scratch memory is misaligned");
  for (int32_t i = 0; i < 2; ++i) {
    void *z = exec->output(exec, i, dims);
    if (!z)
      return TENON_EXEC_OUT_OF_MEMORY;
    void *args[] = {exec->inputs[0], z, exec->scratch};
    exec->launch(exec, i, args, i ? 2 : SIZE);
  }
  return TENON_EXEC_OK;
}

static const tenon_dim_desc dims[] = {{SIZE, -1, 0}};
static const tenon_tensor_desc inputs[] = {{.name = "x", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const tenon_tensor_desc outputs[] = {{.name = "y", .dtype = FLOAT, .rank = 1, .dims = dims},
                                            {.name = "z", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, 0, run, kernels, 2, NULL, 0}};

MODEL = {MODEL_HEAD,       .name = "scratch",  .compiler_version = "hand",
         .num_inputs = 1,  .num_outputs = 2,   .num_variants = 1,
         .inputs = inputs, .outputs = outputs, .variants = variants};
