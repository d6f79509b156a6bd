// Speed of contractions on one core, as a share of the measured multiply-add peak.
//
//   contraction-benchmark [--int8] [--target=NAME] [--filter=TEXT] [--rounds=N]
//                         [--try=FIELD=VALUE,...]
//
// Shapes are the layers of well-known models; with --int8 as quantized models have them, u8 values
// by s8 weights, still as a share of the peak for floats. Every round times the peak loop and then
// all kernels, so that a machine that slows down slows both; the best round counts. `--try`
// overrides fields of the chosen schedule, to search for better ones.
#include "test/unit/codegen/ContractionCase.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <chrono>

using namespace tenon;
using namespace tenon::testing;
using llvm::cl::desc;
using llvm::cl::init;

static llvm::cl::opt<std::string> targetName("target", desc("processor"), init("native"));
static llvm::cl::opt<std::string> filter("filter", desc("only cases whose name contains this"));
static llvm::cl::opt<bool> int8("int8", desc("layers of quantized models: u8 by s8, added in i32"));
static llvm::cl::opt<unsigned> rounds("rounds", desc("measurements per case"), init(15));
static llvm::cl::list<std::string>
    tries("try", llvm::cl::CommaSeparated,
          desc("schedule fields to override, as tile_rows=6 or pack_input=true"));
static llvm::cl::opt<bool> verify("verify", desc("check results (slow)"));

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Multiply-adds of independent registers, 12 per trip; returns GFLOP/s.
double measurePeak(bool wide) {
  constexpr long trips = 100000;
  long count = trips;
  double start = now();
#define TENON_FMA(type, a) "vfmadd231ps %%" type "12, %%" type "13, %%" type #a "\n\t"
  // clang-format off: it takes another turn at this macro on every run
#define TENON_FMAS(type)                                                                           \
  TENON_FMA(type, 0) TENON_FMA(type, 1) TENON_FMA(type, 2) TENON_FMA(type, 3)                      \
  TENON_FMA(type, 4) TENON_FMA(type, 5) TENON_FMA(type, 6) TENON_FMA(type, 7)                      \
  TENON_FMA(type, 8) TENON_FMA(type, 9) TENON_FMA(type, 10) TENON_FMA(type, 11)
// clang-format on
#define TENON_CLOBBERS                                                                             \
  "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",   \
      "xmm11"
  if (wide)
    asm volatile("1:\n\t" TENON_FMAS("zmm") "dec %0\n\tjnz 1b" : "+r"(count)::TENON_CLOBBERS);
  else
    asm volatile("1:\n\t" TENON_FMAS("ymm") "dec %0\n\tjnz 1b" : "+r"(count)::TENON_CLOBBERS);
  return trips * 12 * (wide ? 32 : 16) / (now() - start) * 1e-9;
}

struct NamedCase {
  std::string model;
  ContractionCase shape;
};

/// The layers of models, and some squares.
std::vector<NamedCase> layerCases() {
  auto matmul = ContractionCase::matmul;
  auto conv = [](int64_t out, int64_t from, int64_t to, int64_t kernel, int64_t stride = 1) {
    return ContractionCase::conv(out, from, to, kernel, stride);
  };
  auto depthwise = [](int64_t out, int64_t channels, int64_t kernel, int64_t stride = 1) {
    return ContractionCase::depthwiseConv(out, channels, kernel, stride);
  };
  return {
      {"gemm", matmul(128, 768, 768)},        {"gemm", matmul(128, 3072, 768)},
      {"gemm", matmul(128, 768, 3072)},       {"gemm", matmul(512, 768, 768)},
      {"gemm", matmul(1024, 1024, 1024)},     {"gemm", matmul(256, 256, 256)},
      {"gemm", matmul(128, 128, 128)},        {"gemm", matmul(64, 64, 64)},
      {"gemv", matmul(1, 1000, 2048)},        {"gemv", matmul(1, 1024, 1024)},
      {"gemv", matmul(1, 256, 256)},          {"gemv", matmul(4, 4096, 1024)},
      {"resnet", conv(112, 3, 64, 7, 2)},     {"resnet", conv(56, 64, 64, 1)},
      {"resnet", conv(56, 64, 64, 3)},        {"resnet", conv(56, 64, 256, 1)},
      {"resnet", conv(56, 256, 64, 1)},       {"resnet", conv(28, 256, 512, 1, 2)},
      {"resnet", conv(28, 128, 128, 3)},      {"resnet", conv(28, 128, 512, 1)},
      {"resnet", conv(28, 512, 128, 1)},      {"resnet", conv(14, 256, 256, 3)},
      {"resnet", conv(14, 1024, 256, 1)},     {"resnet", conv(14, 256, 1024, 1)},
      {"resnet", conv(7, 512, 512, 3)},       {"resnet", conv(7, 512, 512, 3, 2)},
      {"resnet", conv(7, 2048, 512, 1)},      {"resnet", conv(7, 512, 2048, 1)},
      {"mobilenet", conv(112, 3, 32, 3, 2)},  {"mobilenet", conv(112, 32, 16, 1)},
      {"mobilenet", conv(112, 16, 96, 1)},    {"mobilenet", conv(56, 96, 24, 1)},
      {"mobilenet", conv(56, 24, 144, 1)},    {"mobilenet", conv(28, 144, 32, 1)},
      {"mobilenet", conv(14, 384, 64, 1)},    {"mobilenet", conv(14, 96, 576, 1)},
      {"mobilenet", conv(7, 160, 960, 1)},    {"mobilenet", conv(7, 960, 320, 1)},
      {"mobilenet", conv(7, 320, 1280, 1)},   {"small", conv(28, 1, 8, 5)},
      {"small", conv(14, 8, 16, 5)},          {"small", conv(224, 1, 64, 5)},
      {"small", conv(224, 32, 9, 3)},         {"depthwise", depthwise(112, 32, 3)},
      {"depthwise", depthwise(56, 96, 3, 2)}, {"depthwise", depthwise(56, 144, 3)},
      {"depthwise", depthwise(14, 576, 3)},   {"depthwise", depthwise(7, 960, 3)},
      {"depthwise", depthwise(28, 240, 5)},
  };
}

/// The same layers after quantization.
std::vector<NamedCase> quantizedCases() {
  std::vector<NamedCase> cases = layerCases();
  for (NamedCase &named : cases) {
    named.shape.inputType = Scalar::U8;
    named.shape.weightType = Scalar::I8;
    named.shape.sumType = Scalar::I32;
  }
  return cases;
}

std::vector<NamedCase> benchmarkCases() {
  auto matmul = ContractionCase::matmul;
  std::vector<NamedCase> cases = layerCases();
  for (auto [size, channels] : {std::pair(56, 64), {28, 128}, {14, 256}, {7, 512}, {112, 128}}) {
    for (int64_t tile : {2, 4}) {
      ContractionCase winograd = ContractionCase::conv(size, channels, channels, 3);
      winograd.winograd = tile;
      cases.push_back({"winograd", winograd});
    }
  }
  // Attention: 12 heads of 64 channels that lie side by side.
  ContractionCase scores = matmul(128, 128, 64);
  scores.batch = 12;
  scores.weightsPerBatch = true;
  scores.layout = cpu::WeightLayout::Transposed;
  cases.push_back({"attention", scores});
  ContractionCase values = matmul(128, 64, 128);
  values.batch = 12;
  values.weightsPerBatch = true;
  values.layout = cpu::WeightLayout::RowMajor;
  cases.push_back({"attention", values});
  ContractionCase large = matmul(512, 512, 512);
  large.layout = cpu::WeightLayout::RowMajor;
  cases.push_back({"matmul", large});
  ContractionCase dynamic = matmul(128, 768, 768);
  dynamic.dynamic = true;
  cases.push_back({"dynamic", dynamic});
  return cases;
}

/// The fields of an attribute, without its name.
std::string fieldsOf(cpu::ContractionScheduleAttr schedule) {
  std::string text;
  llvm::raw_string_ostream(text) << schedule;
  llvm::StringRef inner = text;
  return inner.drop_front(inner.find('<') + 1).drop_back().str();
}

/// The fields of `schedule` with those that are to be tried.
std::string applyTries(cpu::ContractionScheduleAttr schedule) {
  llvm::SmallVector<llvm::StringRef> fields;
  std::string text = fieldsOf(schedule);
  llvm::StringRef(text).split(fields, ", ");
  std::string result;
  for (llvm::StringRef field : fields) {
    llvm::StringRef name = field.split(" = ").first;
    if (llvm::none_of(tries, [&](llvm::StringRef each) { return each.split('=').first == name; }))
      result += (result.empty() ? "" : ", ") + field.str();
  }
  for (llvm::StringRef each : tries)
    result += ", " + each.split('=').first.str() + " = " + each.split('=').second.str();
  return result;
}

struct Candidate {
  NamedCase description;
  std::unique_ptr<ContractionRun> run;
  int repetitions = 1;
  double best = 1e30;
};

} // namespace

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv);
  std::unique_ptr<mlir::MLIRContext> context = createKernelContext();
  llvm::Expected<cpu::TargetAttr> target = cpu::lookupTarget(targetName, context.get());
  if (!target) {
    llvm::errs() << llvm::toString(target.takeError()) << "\n";
    return 1;
  }
  std::vector<Candidate> candidates;
  for (NamedCase &named : int8 ? quantizedCases() : benchmarkCases()) {
    std::string name = named.model + " " + named.shape.name();
    if (name.find(filter) == std::string::npos)
      continue;
    named.shape.schedule = applyTries(cpu::chooseContraction(*target, named.shape.sizes(*context)));
    Candidate candidate{named, std::make_unique<ContractionRun>(named.shape, targetName)};
    if (!*candidate.run)
      return 1;
    double start = now();
    candidate.run->run();
    candidate.run->run();
    candidate.repetitions = std::clamp<int>(0.004 / ((now() - start) / 2 + 1e-9), 1, 10000);
    candidates.push_back(std::move(candidate));
  }

  double peak = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    peak = std::max(peak, measurePeak(target->getVectorBits() == 512));
    for (Candidate &candidate : candidates) {
      candidate.run->run();
      double start = now();
      for (int i = 0; i < candidate.repetitions; ++i)
        candidate.run->run();
      candidate.best = std::min(candidate.best, (now() - start) / candidate.repetitions);
    }
  }

  llvm::outs() << "target " << target->getCpu() << ", " << target->getVectorBits() << " bits, peak "
               << llvm::format("%.1f", peak) << " GFLOP/s\n";
  for (Candidate &candidate : candidates) {
    const ContractionCase &shape = candidate.description.shape;
    double rate = shape.flops() / candidate.best * 1e-9;
    llvm::outs() << llvm::format("%-10s %-52s %9.1f us %7.1f GFLOP/s %5.1f%%  %5.0f ms  ",
                                 candidate.description.model.c_str(), shape.name().c_str(),
                                 candidate.best * 1e6, rate, 100 * rate / peak,
                                 candidate.run->kernel.compileMilliseconds)
                 << fieldsOf(candidate.run->schedule);
    if (verify) {
      candidate.run->clearOutput();
      candidate.run->run();
      llvm::outs() << "  " << candidate.run->check();
    }
    llvm::outs() << "\n";
  }
  return 0;
}
