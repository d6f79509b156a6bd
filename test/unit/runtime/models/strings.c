/* Strings: louder[n] = x[n] followed by "!", is_yes[n] = 1 where x[n] is "yes", which the model
 * knows, and same[n] = x[n]. With MODEL_BAD_HANDLE, `same` gets handles that no string has. */
#include "model.h"

#include <string.h>

enum { STRING = 8 };

#ifdef MODEL_BAD_HANDLE
enum { OFFSET = 1 << 30 };
#else
enum { OFFSET = 0 };
#endif

static const char bytes[] = "yesno";
static const int64_t ends[] = {0, 3, 5};
enum { YES = 1 };

static int64_t make_louder(tenon_strings *strings, int64_t handle) {
  int64_t count;
  const char *old = strings->get(strings, handle, &count);
  char *made = strings->reserve(strings, count + 1);
  if (!made)
    return 0;
  memcpy(made, old, (size_t)count);
  made[count] = '!';
  return strings->intern(strings, made, count + 1);
}

static void shout(void *const *args, int64_t task, int64_t tasks) {
  const int64_t *x = args[0];
  int64_t *louder = args[1];
  tenon_strings *strings = args[2];
  int64_t n = (int64_t)args[3];
  for (int64_t i = 0; i < n; ++i)
    louder[i] = make_louder(strings, x[i]);
}

static const tenon_kernel_desc kernels[] = {FUNCTION(shout, "shout", "", .max_tasks = 1)};

static int32_t run(tenon_exec *exec) {
  int64_t n = exec->input_dims[0];
  const int64_t *x = exec->inputs[0];
  int64_t *louder = exec->output(exec, 0, &n), *is_yes = exec->output(exec, 1, &n),
          *same = exec->output(exec, 2, &n);
  if (!louder || !is_yes || !same)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *args[] = {(void *)x, louder, exec->strings, (void *)n};
  exec->launch(exec, 0, args, 1);
  for (int64_t i = 0; i < n; ++i) {
    is_yes[i] = x[i] == YES;
    same[i] = x[i] + OFFSET;
  }
  return TENON_EXEC_OK;
}

static const tenon_dim_desc vector[] = {{-1, 0, 0}};
static const tenon_tensor_desc inputs[] = {{"x", STRING, 1, vector}};
static const tenon_tensor_desc outputs[] = {
    {"louder", STRING, 1, vector}, {"is_yes", INT64, 1, vector}, {"same", STRING, 1, vector}};
static const char *const symbols[] = {"n"};
static const char *const features[] = {NULL};
static const tenon_variant_desc variants[] = {
    {"cpu:any", TENON_DEVICE_CPU, 0, features, 0, run, kernels, 1, NULL, 0}};

MODEL = {MODEL_HEAD,
         .name = "strings",
         .compiler_version = "hand",
         .num_inputs = 1,
         .num_outputs = 3,
         .num_symbols = 1,
         .num_variants = 1,
         .inputs = inputs,
         .outputs = outputs,
         .symbols = symbols,
         .variants = variants,
         .num_strings = 3,
         .string_bytes = bytes,
         .string_ends = ends};
