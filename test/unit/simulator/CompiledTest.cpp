// Kernels that clang compiles with LLVM's NVPTX back end, at several levels of optimisation,
// against the same functions compiled for the host.

#include "SimulatorTest.h"
#include "kernels/scalar.c"
#include <fstream>
#include <random>
#include <sstream>

namespace tenon::sim {

class CompiledTest : public SimulatorTest, public ::testing::WithParamInterface<const char *> {
protected:
  static constexpr unsigned count = 256;

  void loadCompiled(const char *kernel) {
    std::ifstream file(std::string(TEST_KERNELS) + "/scalar-" + GetParam() + ".ptx");
    std::stringstream text;
    text << file.rdbuf();
    void *module = nullptr;
    ASSERT_EQ(loadText(text.str(), &module), 0) << log;
    ASSERT_EQ(cuModuleGetFunction(&function, module, kernel), 0);
  }

  /// Runs a kernel for numbers of every magnitude and compares with `expected`, bit by bit.
  template <typename In, typename F> void check(const char *kernel, In scale, F expected) {
    loadCompiled(kernel);
    std::mt19937_64 random(7);
    std::vector<In> inputs(count);
    for (In &input : inputs) {
      auto bits = random() >> (random() % 64);
      if constexpr (std::is_integral_v<In>)
        input = static_cast<In>(bits);
      else
        input = static_cast<In>(static_cast<int32_t>(bits)) * scale;
    }
    using Out = decltype(expected(inputs[0]));
    unsigned long long in = upload(inputs), out = allocate(count * sizeof(Out));
    ASSERT_EQ(launch({in, out}, 64, count / 64), 0) << fault();
    std::vector<Out> results = download<Out>(out, count);
    for (unsigned i = 0; i < count; ++i)
      ASSERT_EQ(results[i], expected(inputs[i])) << kernel << " of " << inputs[i];
  }
};

TEST_P(CompiledTest, ComputesWhatTheHostComputes) {
  check<uint32_t>("runCollatz", 1, [](uint32_t n) { return collatz(n & 0xffff); });
  check<unsigned long long>("runMix", 1, [](unsigned long long a) {
    return mix(a, static_cast<long long>(a * 0x9e3779b97f4a7c15ull));
  });
  check<int32_t>("runChoose", 1, [](int32_t v) { return choose(v >> 12); });
  check<float>("runPolynomial", 1e-8f, [](float x) { return polynomial(x); });
  check<double>("runQuotient", 1e-3, [](double x) { return quotient(x); });
}

INSTANTIATE_TEST_SUITE_P(Levels, CompiledTest, ::testing::Values("O0", "O2", "O3"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace tenon::sim
