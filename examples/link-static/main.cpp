// Classifies a handwritten digit with a model that is part of the program.

#include "digits.h"
#include <cstdint>
#include <cstdio>
#include <tenon/runtime.h>

// A zero: 8x8 grey levels from 0 to 255.
static const uint8_t image[64] = {0,   0,   80, 208, 144, 16,  0,   0,   0,   0,   208, 240, 160,
                                  240, 80,  0,  0,   48,  240, 32,  0,   176, 128, 0,   0,   64,
                                  192, 0,   0,  128, 128, 0,   0,   80,  128, 0,   0,   144, 128,
                                  0,   0,   64, 176, 0,   16,  192, 112, 0,   0,   32,  224, 80,
                                  160, 192, 0,  0,   0,   0,   96,  208, 160, 0,   0,   0};

static int fail(const char *what) {
  std::fprintf(stderr, "%s: %s\n", what, tenon_last_error());
  return 1;
}

int main() {
  tenon_model *model = nullptr;
  tenon_context *context = nullptr;
  if (tenon_model_from_desc(&tenon_model_model, &model) != TENON_OK)
    return fail("cannot use the model");
  if (tenon_context_create(model, nullptr, &context) != TENON_OK)
    return fail("cannot create a context");
  int64_t dims[] = {1, 1, 8, 8};
  tenon_tensor input = {};
  input.dtype = TENON_UINT8;
  input.rank = 4;
  input.dims = dims;
  input.data = const_cast<uint8_t *>(image);
  input.bytes = sizeof(image);
  tenon_tensor outputs[model_num_outputs] = {};
  if (tenon_run(context, &input, model_num_inputs, outputs, model_num_outputs) != TENON_OK)
    return fail("cannot run the model");
  auto digit = *static_cast<const int64_t *>(outputs[model_output_digit].data);
  std::printf("digit: %lld\n", static_cast<long long>(digit));
  tenon_context_free(context);
  tenon_model_free(model);
  return digit == 0 ? 0 : 1;
}
