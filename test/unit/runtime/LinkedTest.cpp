// A model that is linked into the program instead of loaded.
#include "Helpers.h"
#include "runtime/abi.h"

using namespace tenon::test;

// NOLINTNEXTLINE(readability-identifier-naming): a C name.
extern "C" const tenon_model_desc tenon_model_linked;

TEST(Linked, runs) {
  tenon_model *raw = nullptr;
  ASSERT_EQ(tenon_model_from_desc(&tenon_model_linked, &raw), TENON_OK) << tenon_last_error();
  Model model(raw);
  Context context = createContext(model, 2);
  Floats x{numbers(1024), {1024}}, y{numbers(1024, 5), {1024}};
  tenon_tensor inputs[] = {x, y}, output = {};
  ASSERT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
  EXPECT_EQ(values(output)[1000], x.data[1000] + y.data[1000]);
}

TEST(Linked, checksTheDescriptor) {
  tenon_model_desc desc = tenon_model_linked;
  tenon_model *model = nullptr;
  desc.abi_version = 7;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_WRONG_VERSION, "version 7");
  desc = tenon_model_linked;
  desc.size = 8;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "has 8 bytes");
  desc = tenon_model_linked;
  desc.num_variants = 0;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "impossible counts");
  desc = tenon_model_linked;
  desc.inputs = nullptr;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "a pointer");
  tenon_tensor_desc inputs[] = {tenon_model_linked.inputs[0], tenon_model_linked.inputs[1]};
  desc.inputs = inputs;
  inputs[1].rank = -3;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "damaged: the rank of a tensor is -3");
  inputs[1].rank = 1;
  inputs[0].dtype = 77;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "damaged: the element type of a tensor is 77");
  desc = tenon_model_linked;
  tenon_variant_desc variant = desc.variants[0];
  desc.variants = &variant;
  variant.arena_bytes = -4096;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "damaged: the size of the arena is -4096");
  variant = tenon_model_linked.variants[0];
  tenon_kernel_desc kernels[] = {variant.kernels[0], variant.kernels[1]};
  variant.kernels = kernels;
  kernels[1].scratch_bytes = 100;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "damaged: the scratch memory of a kernel is 100");
  kernels[1].scratch_bytes = 64;
  kernels[1].max_tasks = -1;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "damaged: the number of tasks of a kernel is -1");
}
