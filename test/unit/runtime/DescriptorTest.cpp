// Descriptors of compilers that know other fields than this runtime, but the same version.
#include "Helpers.h"
#include "runtime/abi.h"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace tenon::test;

// NOLINTNEXTLINE(readability-identifier-naming): a C name.
extern "C" const tenon_model_desc tenon_model_linked;

namespace {

/// Elements that lie `size` bytes apart: of each what fits, then bytes that mean nothing here.
template <typename T> class Elements {
public:
  Elements(const T *elements, size_t count, size_t size) : words(count * size / 8, ~0ull) {
    for (size_t i = 0; i < count; ++i)
      std::memcpy(reinterpret_cast<char *>(words.data()) + i * size, &elements[i],
                  std::min(size, sizeof(T)));
  }
  const T *data() const { return reinterpret_cast<const T *>(words.data()); }

private:
  std::vector<uint64_t> words;
};

/// Loads the model and adds with it.
void expectToAdd(const tenon_model_desc *desc, Model &model) {
  tenon_model *raw = nullptr;
  ASSERT_EQ(tenon_model_from_desc(desc, &raw), TENON_OK) << tenon_last_error();
  model.reset(raw);
  Context context = createContext(model, 2);
  Floats x{numbers(1024), {1024}}, y{numbers(1024, 5), {1024}};
  tenon_tensor inputs[] = {x, y}, output = {};
  ASSERT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
  EXPECT_EQ(values(output)[1000], x.data[1000] + y.data[1000]);
}

TEST(Descriptor, fieldsThatTheRuntimeDoesNotKnowAreIgnored) {
  struct {
    tenon_model_desc known = tenon_model_linked;
    uint64_t more[2] = {~0ull, ~0ull};
  } later;
  tenon_model_desc &desc = later.known;
  desc.size = sizeof later;
  desc.dim_size += 8;
  desc.tensor_size += 16;
  desc.kernel_size += 24;
  desc.variant_size += 32;
  desc.state_size += 8;

  Elements dims(desc.inputs[0].dims, 1, desc.dim_size);
  tenon_tensor_desc x = desc.inputs[0], y = desc.inputs[1], z = desc.outputs[0];
  x.dims = y.dims = z.dims = dims.data();
  tenon_tensor_desc both[] = {x, y};
  Elements inputs(both, 2, desc.tensor_size), outputs(&z, 1, desc.tensor_size);
  Elements kernels(desc.variants[0].kernels, 2, desc.kernel_size);
  tenon_variant_desc unused = desc.variants[0], variant = desc.variants[0];
  unused.device = 7;
  variant.kernels = kernels.data();
  tenon_variant_desc two[] = {unused, variant};
  Elements variants(two, 2, desc.variant_size);
  desc.inputs = inputs.data();
  desc.outputs = outputs.data();
  desc.variants = variants.data();
  desc.num_variants = 2;
  const tenon_state_desc state = {1, 0};
  Elements states(&state, 1, desc.state_size);
  desc.states = states.data();
  desc.num_states = 1;

  Model model;
  ASSERT_NO_FATAL_FAILURE(expectToAdd(&desc, model));
  EXPECT_STREQ(tenon_model_input(model.get(), 1)->name, "y");
  EXPECT_EQ(tenon_model_output(model.get(), 0)->dims[0].value, 1024);
  tenon_kernel_info info;
  ASSERT_EQ(tenon_model_kernel(model.get(), 1, &info), TENON_OK);
  EXPECT_STREQ(info.name, "add_1");
  EXPECT_EQ(info.bytes, 12288);
  tenon_state_info stateInfo;
  ASSERT_EQ(tenon_model_state(model.get(), 0, &stateInfo), TENON_OK);
  EXPECT_EQ(stateInfo.input, 1);
  EXPECT_EQ(stateInfo.output, 0);
}

TEST(Descriptor, fieldsThatTheModelDoesNotKnowAreZero) {
  tenon_model_desc desc = tenon_model_linked;
  desc.weights_checksum = 5;
  desc.num_states = 1;
  desc.size = offsetof(tenon_model_desc, weights_checksum);
  desc.kernel_size = offsetof(tenon_kernel_desc, flops);
  desc.variant_size = offsetof(tenon_variant_desc, weights);
  Elements kernels(desc.variants[0].kernels, 2, desc.kernel_size);
  tenon_variant_desc variant = desc.variants[0];
  variant.kernels = kernels.data();
  Elements variants(&variant, 1, desc.variant_size);
  desc.variants = variants.data();

  Model model;
  ASSERT_NO_FATAL_FAILURE(expectToAdd(&desc, model));
  EXPECT_EQ(tenon_model_weights_checksum(model.get()), 0u);
  EXPECT_EQ(tenon_model_weights_size(model.get()), 0u);
  EXPECT_EQ(tenon_model_num_states(model.get()), 0);
  tenon_kernel_info info;
  ASSERT_EQ(tenon_model_kernel(model.get(), 1, &info), TENON_OK);
  EXPECT_STREQ(info.name, "add_1");
  EXPECT_STREQ(info.nodes, "n1,\"quoted\"");
  EXPECT_EQ(info.flops, 0);
  EXPECT_EQ(info.bytes, 0);
  EXPECT_STREQ(tenon_model_kernel_precision(model.get(), 1), "");
}

/// Fields that no model can do without are not zero.
TEST(Descriptor, neededFieldsMustBeThere) {
  tenon_model_desc desc = tenon_model_linked;
  tenon_model *model = nullptr;
  desc.kernel_size = offsetof(tenon_kernel_desc, name);
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "a pointer of a kernel");
  desc = tenon_model_linked;
  desc.variant_size = offsetof(tenon_variant_desc, run);
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "a pointer of a variant");
  desc = tenon_model_linked;
  desc.size = offsetof(tenon_model_desc, variants);
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "a pointer of its");
}

/// A tensor map names buffers and values among its kernel's arguments, whoever may run the kernel.
TEST(Descriptor, tensorMapsMustFitTheirKernel) {
  tenon_tensor_map_desc map = {};
  map.arg = 1;
  map.rank = 2;
  map.sizes[0].values = map.strides[0].values = 1u << 2;
  tenon_kernel_desc kernel = {};
  kernel.kind = TENON_KERNEL_CUDA;
  kernel.name = kernel.entry = "k";
  kernel.num_args = 3;
  kernel.block_threads = 32;
  kernel.num_maps = 1;
  kernel.maps = &map;
  tenon_variant_desc device = tenon_model_linked.variants[0];
  device.device = TENON_DEVICE_CUDA;
  const char *const features[] = {"sm_9999", nullptr}; // of no machine: it only has to be read
  device.features = features;
  device.kernels = &kernel;
  device.num_kernels = 1;
  tenon_variant_desc variants[] = {device, tenon_model_linked.variants[0]};
  tenon_model_desc desc = tenon_model_linked;
  desc.variants = variants;
  desc.num_variants = 2;

  tenon_model *raw = nullptr;
  ASSERT_EQ(tenon_model_from_desc(&desc, &raw), TENON_OK) << tenon_last_error();
  tenon_model_free(raw);
  auto expectDamage = [&](auto &field, auto value, const char *what) {
    auto right = std::exchange(field, value);
    EXPECT_ERROR(tenon_model_from_desc(&desc, &raw), TENON_INVALID_MODEL, what);
    field = right;
  };
  for (int64_t arg : {-1, 3})
    expectDamage(map.arg, arg, "damaged: the buffer of a tensor map is ");
  for (int64_t rank : {0, TENON_MAP_RANK + 1})
    expectDamage(map.rank, rank, "damaged: the rank of a tensor map is ");
  expectDamage(map.sizes[4].values, 1u << 3, "damaged: an argument of a tensor map is 12");
  expectDamage(map.strides[3].values, 1u << 4, "damaged: an argument of a tensor map is 20");
  for (int32_t count : {-1, TENON_KERNEL_MAPS + 1})
    expectDamage(kernel.num_maps, count, "damaged: the number of tensor maps of a kernel is ");
  expectDamage(kernel.maps, nullptr, "damaged: the number of tensor maps of a kernel is 1");
}

TEST(Descriptor, impossibleSizesAreRefused) {
  tenon_model *model = nullptr;
  for (uint32_t size : {0u, 20u, 8192u})
    for (uint32_t tenon_model_desc::*field :
         {&tenon_model_desc::dim_size, &tenon_model_desc::tensor_size,
          &tenon_model_desc::kernel_size, &tenon_model_desc::variant_size,
          &tenon_model_desc::state_size}) {
      tenon_model_desc desc = tenon_model_linked;
      const tenon_state_desc state = {0, 0};
      desc.states = &state;
      desc.num_states = 1;
      desc.*field = size;
      EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
                   "the size of an element is " + std::to_string(size));
    }
  tenon_model_desc desc = tenon_model_linked;
  desc.size -= 4;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "its descriptor has 156");
}

/// Who writes an output to the memory of such an input would write somewhere else.
TEST(Descriptor, impossibleStatesAreRefused) {
  tenon_model_desc desc = tenon_model_linked;
  const tenon_dim_desc shorter = {1023, -1, 0};
  tenon_tensor_desc outputs[] = {desc.outputs[0], desc.outputs[0], desc.outputs[0]};
  outputs[1].dtype = TENON_INT32;
  outputs[2].dims = &shorter;
  desc.outputs = outputs;
  desc.num_outputs = 3;
  tenon_model *model = nullptr;
  auto expectError = [&](std::vector<tenon_state_desc> states, const char *part) {
    desc.states = states.data();
    desc.num_states = static_cast<int32_t>(states.size());
    EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, part);
  };
  expectError({{-1, 0}}, "damaged: the input of a state is -1");
  expectError({{2, 0}}, "damaged: the input of a state is 2");
  expectError({{0, -1}}, "damaged: the output of a state is -1");
  expectError({{0, 3}}, "damaged: the output of a state is 3");
  expectError({{0, 1}}, "damaged: the input of a state, unlike its output, is 0");
  expectError({{0, 2}}, "damaged: the input of a state, unlike its output, is 0");
  expectError({{0, 0}, {1, 0}}, "damaged: the second state of an input or output is 1");
  expectError({{0, 0}, {0, 0}, {0, 0}}, "its descriptor has impossible counts");
  desc.num_states = 1;
  desc.states = nullptr;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "a pointer of its");
  desc.num_states = -1;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "impossible counts");
}

/// Code may call services that this runtime does not have.
TEST(Descriptor, aModelOfALaterRuntimeIsRefused) {
  tenon_model_desc desc = tenon_model_linked;
  tenon_model *model = nullptr;
  desc.exec_size += 8;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_WRONG_VERSION,
               "it may use " + std::to_string(sizeof(tenon_exec) + 8) + " bytes of tenon_exec");
  desc.exec_size -= 16;
  Model earlier;
  expectToAdd(&desc, earlier);
}

TEST(Descriptor, otherKindsOfKernelsAreRefused) {
  tenon_model_desc desc = tenon_model_linked;
  tenon_variant_desc variant = desc.variants[0];
  tenon_kernel_desc kernels[] = {variant.kernels[0], variant.kernels[1]};
  kernels[1].kind = 3;
  variant.kernels = kernels;
  desc.variants = &variant;
  tenon_model *model = nullptr;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "damaged: the kind of a kernel is 3");
}

/// A table of strings that would lead out of its bytes, or make two of one.
TEST(Descriptor, impossibleStringsAreRefused) {
  tenon_model_desc desc = tenon_model_linked;
  tenon_model *model = nullptr;
  auto expectError = [&](std::vector<int64_t> ends, const char *part) {
    desc.num_strings = static_cast<int64_t>(ends.size());
    desc.string_ends = ends.data();
    desc.string_bytes = "abab";
    EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, part);
  };
  expectError({1, 2}, "damaged: the end of a string is 1");
  expectError({0, -1}, "damaged: the end of a string is -1");
  expectError({0, 2, 1}, "damaged: the end of a string is 1");
  expectError({0, int64_t(1) << 60}, "damaged: the end of a string is");
  expectError({0, 2, 4}, "has string 2 twice");
  desc.num_strings = -1;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "the number of strings");
  desc.num_strings = 1;
  desc.string_bytes = nullptr;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL, "the number of strings");
  desc = tenon_model_linked;
  tenon_tensor_desc strings[] = {desc.inputs[0], desc.inputs[1]};
  strings[1].dtype = TENON_STRING;
  desc.inputs = strings;
  EXPECT_ERROR(tenon_model_from_desc(&desc, &model), TENON_INVALID_MODEL,
               "the element type of a tensor is 8");
}

} // namespace
