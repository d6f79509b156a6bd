/* y = x for any number of floats, through the arena and a buffer of the run. The first element says
 * what the model does wrong on the way. */
#include "test/unit/runtime/models/model.h"

enum { ARENA_BYTES = 4096 };

/* args: x, y, arena, a buffer of the run, one that was given back; n. */
static void copy(void *const *args, int64_t task, int64_t tasks) {
  float *x = args[0], *y = args[1];
  volatile float *arena = args[2], *buffer = args[3], *released = args[4];
  int64_t n = (int64_t)args[5];
  for (int64_t i = 0; i < n; ++i) {
    buffer[i] = x[i];
    y[i] = buffer[i];
  }
  arena[0] = arena[ARENA_BYTES / 4 - 1] = 1;
  switch ((int)x[0]) {
  case 1: /* reads behind the input */
    arena[0] = *(volatile float *)&x[n];
    break;
  case 2: /* reads in front of it */
    arena[0] = *(volatile float *)&x[-1];
    break;
  case 3: /* writes the input */
    *(volatile float *)&x[n - 1] = 7;
    break;
  case 4: /* writes behind the output */
    *(volatile float *)&y[n] = 7;
    break;
  case 5: /* behind the arena */
    arena[ARENA_BYTES / 4] = 7;
    break;
  case 6: /* in front of it */
    arena[-1] = 7;
    break;
  case 7: /* behind a buffer, in what its alignment leaves */
    buffer[n] = 7;
    break;
  case 8: /* reads what it gave back */
    arena[0] = released[0];
    break;
  case 9: /* reads what nothing has written */
    y[n - 1] = arena[1];
    break;
  default:
    break;
  }
}

static const tenon_kernel_desc kernels[] = {FUNCTION(copy, "copy_0", "it")};

static int32_t run(tenon_exec *exec) {
  int64_t n = exec->input_dims[0];
  void *y = exec->output(exec, 0, &n);
  void *released = exec->alloc(exec, 4);
  void *buffer = exec->alloc(exec, 4 * n);
  if (!y || !released || !buffer)
    return TENON_EXEC_OUT_OF_MEMORY;
  exec->release(exec, released);
  void *args[] = {exec->inputs[0], y, exec->arena, buffer, released, (void *)n};
  exec->launch(exec, 0, args, 1);
  exec->release(exec, buffer);
  return TENON_EXEC_OK;
}

static const tenon_dim_desc dims[] = {{-1, -1, 0}};
static const tenon_tensor_desc inputs[] = {{.name = "x", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const tenon_tensor_desc outputs[] = {{.name = "y", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, ARENA_BYTES, run, kernels, 1, NULL, 0}};

MODEL = {MODEL_HEAD,       .name = "careless", .compiler_version = "hand",
         .num_inputs = 1,  .num_outputs = 1,   .num_variants = 1,
         .inputs = inputs, .outputs = outputs, .variants = variants};
