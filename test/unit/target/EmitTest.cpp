// Whole models: MLIR of the LLVM dialect in, a file out that does what the model says.
#include "lib/Target/Emit.h"
#include "lib/Target/CodeCache.h"
#include "lib/Target/LLVMCodegen.h"
#include "lib/Target/Linker.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "runtime/abi.h"
#include "runtime/seal.h"
#include "test/unit/target/TestFiles.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Program.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>

using namespace llvm;
using namespace tenon;

namespace {

// y[i] = exp(x[i]) * w[i] for 4 elements, every tasks-th one by this task
constexpr StringLiteral kernelText = R"(
  llvm.func @expf(f32) -> f32
  llvm.func @helper(%x: f32, %w: f32) -> f32 {
    %e = llvm.call @expf(%x) : (f32) -> f32
    %y = llvm.fmul %e, %w : f32
    llvm.return %y : f32
  }
  llvm.func @scale_exp(%args: !llvm.ptr, %task: i64, %tasks: i64) {
    %c4 = llvm.mlir.constant(4 : i64) : i64
    %one = llvm.getelementptr %args[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %two = llvm.getelementptr %args[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %xs = llvm.load %args : !llvm.ptr -> !llvm.ptr
    %ws = llvm.load %one : !llvm.ptr -> !llvm.ptr
    %ys = llvm.load %two : !llvm.ptr -> !llvm.ptr
    llvm.br ^head(%task : i64)
  ^head(%i: i64):
    %more = llvm.icmp "slt" %i, %c4 : i64
    llvm.cond_br %more, ^body, ^end
  ^body:
    %xp = llvm.getelementptr %xs[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %wp = llvm.getelementptr %ws[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %yp = llvm.getelementptr %ys[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %x = llvm.load %xp : !llvm.ptr -> f32
    %w = llvm.load %wp : !llvm.ptr -> f32
    %y = llvm.call @helper(%x, %w) : (f32, f32) -> f32
    llvm.store %y, %yp : f32, !llvm.ptr
    %next = llvm.add %i, %tasks : i64
    llvm.br ^head(%next : i64)
  ^end:
    llvm.return
  }
)";

// Launches the kernel on input 0 and the weights from byte 64 on, into output 0.
constexpr StringLiteral hostText = R"(
  llvm.func @tenon_run(%exec: !llvm.ptr) -> i32 {
    %c1 = llvm.mlir.constant(1 : i64) : i64
    %c3 = llvm.mlir.constant(3 : i64) : i64
    %c4 = llvm.mlir.constant(4 : i64) : i64
    %zero = llvm.mlir.constant(0 : i32) : i32
    %dims = llvm.alloca %c1 x i64 : (i64) -> !llvm.ptr
    llvm.store %c4, %dims : i64, !llvm.ptr
    %outputField = llvm.getelementptr %exec[7] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %output = llvm.load %outputField : !llvm.ptr -> !llvm.ptr
    %y = llvm.call %output(%exec, %zero, %dims) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr) -> !llvm.ptr
    %inputs = llvm.load %exec : !llvm.ptr -> !llvm.ptr
    %x = llvm.load %inputs : !llvm.ptr -> !llvm.ptr
    %weightsField = llvm.getelementptr %exec[9] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %weights = llvm.load %weightsField : !llvm.ptr -> !llvm.ptr
    %w = llvm.getelementptr %weights[64] : (!llvm.ptr) -> !llvm.ptr, i8
    %args = llvm.alloca %c3 x !llvm.ptr : (i64) -> !llvm.ptr
    %arg1 = llvm.getelementptr %args[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %arg2 = llvm.getelementptr %args[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    llvm.store %x, %args : !llvm.ptr, !llvm.ptr
    llvm.store %w, %arg1 : !llvm.ptr, !llvm.ptr
    llvm.store %y, %arg2 : !llvm.ptr, !llvm.ptr
    %c0 = llvm.mlir.constant(0 : i64) : i64
    %launchField = llvm.getelementptr %exec[4] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %launch = llvm.load %launchField : !llvm.ptr -> !llvm.ptr
    llvm.call %launch(%exec, %c0, %args, %c4) : !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr, i64) -> ()
    llvm.return %zero : i32
  }
)";

/// An element of a model's table, whose elements are as large as the model says.
template <typename T> const T &elementOf(const T *elements, int64_t number, uint32_t size) {
  return *reinterpret_cast<const T *>(reinterpret_cast<const char *>(elements) + number * size);
}

float result[4];
const tenon_kernel_desc *kernels;

void launch(tenon_exec *, int64_t kernel, void *const *args, int64_t tasks) {
  for (int64_t task = 0; task < tasks; ++task)
    kernels[kernel].fn(args, task, tasks);
}

void *output(tenon_exec *, int32_t, const int64_t *) { return result; }

void runAndCheck(const tenon_variant_desc &variant) {
  const float x[4] = {0, 1, 2, 3};
  void *inputs[] = {const_cast<float *>(x)};
  tenon_exec exec{};
  exec.inputs = inputs;
  exec.threads = 1;
  kernels = variant.kernels;
  exec.launch = launch;
  exec.output = output;
  exec.weights = variant.weights;
  std::memset(result, 0, sizeof result);
  ASSERT_EQ(variant.run(&exec), 0);
  for (int i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(result[i], std::exp(x[i]) * float(i + 1));
}

class EmitTest : public TestDirectory {
protected:
  EmitTest() {
    mlir::DialectRegistry registry;
    registerLLVMTranslations(registry);
    registry.insert<mlir::LLVM::LLVMDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.loadDialect<cpu::CpuDialect>();
  }

  void SetUp() override {
    TestDirectory::SetUp();
    weights = cantFail(WeightsStore::create(directory.string()));
    const char other[3] = {1, 2, 3};
    const float w[4] = {1, 2, 3, 4};
    cantFail(weights->add(other));
    ASSERT_EQ(cantFail(weights->add(ArrayRef(reinterpret_cast<const char *>(w), sizeof w))), 64u);
  }

  mlir::ModuleOp parse(StringRef text) {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    return *modules.back();
  }

  CompiledModel makeModel(ArrayRef<StringRef> targets) {
    CompiledModel model;
    model.info.name = "tiny-model";
    model.info.compilerVersion = "0.1.0";
    model.info.checksum = 42;
    model.info.symbols = {"batch"};
    model.info.inputs = {{"x", 1, {{4, -1}}}, {"mask", 7, {{-1, 0}, {-1, -1}}}};
    model.info.outputs = {{"y", 1, {{4, -1}}}};
    model.info.states = {{0, 0}};
    model.weights = weights.get();
    for (StringRef name : targets) {
      cpu::TargetAttr target = cantFail(cpu::lookupTarget(name, &context));
      model.info.variants.push_back({target, 128, {{"scale_exp", "exp_0,mul_1", 8, 48, 192, 4}}});
      VariantCode code;
      code.kernels.push_back(translateFrom(parse(kernelText)));
      code.host = translateFrom(parse(hostText));
      model.code.push_back(std::move(code));
    }
    return model;
  }

  /// The exit code; what the program says goes to the file "log".
  int runProgram(const std::vector<std::string> &command) {
    SmallVector<StringRef> arguments(command.begin(), command.end());
    std::string log = path("log");
    return sys::ExecuteAndWait(command.front(), arguments, std::nullopt,
                               {StringRef(), StringRef(log), StringRef(log)});
  }

  mlir::MLIRContext context;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  std::unique_ptr<WeightsStore> weights;
};

TEST_F(EmitTest, ASharedLibraryDescribesAndRunsTheModel) {
  CompiledModel model = makeModel({"native"});
  EmitStatistics statistics;
  Error error = emitModel(model, {EmitKind::SharedLibrary, path("model.so")}, &statistics);
  ASSERT_FALSE(bool(error)) << toString(std::move(error));
  EXPECT_EQ(countFiles(), 1u);
  EXPECT_EQ(statistics.fileBytes, std::filesystem::file_size(path("model.so")));

  void *handle = dlopen(path("model.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto *desc = static_cast<const tenon_model_desc *>(dlsym(handle, "tenon_model"));
  ASSERT_NE(desc, nullptr);
  EXPECT_EQ(dlsym(handle, "scale_exp"), nullptr);
  EXPECT_EQ(std::memcmp(desc->magic, TENON_MAGIC, 8), 0);
  EXPECT_EQ(desc->abi_version, uint32_t(TENON_ABI_VERSION));
  EXPECT_EQ(desc->size, sizeof(tenon_model_desc));
  // What only models with sequences, or with code for a device, need is not in the others.
  EXPECT_EQ(desc->exec_size, offsetof(tenon_exec, make_tensor));
  EXPECT_EQ(desc->dim_size, sizeof(tenon_dim_desc));
  EXPECT_EQ(desc->tensor_size, sizeof(tenon_tensor_desc));
  EXPECT_EQ(desc->kernel_size, offsetof(tenon_kernel_desc, entry));
  EXPECT_EQ(desc->variant_size, offsetof(tenon_variant_desc, code));
  EXPECT_EQ(desc->state_size, sizeof(tenon_state_desc));
  EXPECT_STREQ(desc->name, "tiny-model");
  EXPECT_STREQ(desc->compiler_version, "0.1.0");
  EXPECT_EQ(desc->checksum, 42u);
  ASSERT_EQ(desc->num_inputs, 2);
  ASSERT_EQ(desc->num_outputs, 1);
  ASSERT_EQ(desc->num_symbols, 1);
  EXPECT_STREQ(desc->symbols[0], "batch");
  EXPECT_STREQ(desc->inputs[1].name, "mask");
  EXPECT_EQ(desc->inputs[1].dtype, 7);
  EXPECT_EQ(desc->inputs[1].rank, 2);
  EXPECT_EQ(desc->inputs[1].dims[0].symbol, 0);
  EXPECT_EQ(desc->inputs[1].dims[1].symbol, -1);
  EXPECT_EQ(desc->inputs[1].dims[1].value, -1);
  ASSERT_EQ(desc->num_states, 1);
  EXPECT_EQ(desc->states[0].input, 0);
  EXPECT_EQ(desc->states[0].output, 0);
  ASSERT_EQ(desc->num_variants, 1);
  const tenon_variant_desc &variant = desc->variants[0];
  EXPECT_STREQ(variant.target, "cpu:native");
  EXPECT_EQ(variant.device, TENON_DEVICE_CPU);
  EXPECT_EQ(variant.arena_bytes, 128);
  ASSERT_EQ(variant.num_kernels, 1);
  EXPECT_EQ(variant.kernels[0].kind, TENON_KERNEL_FUNCTION);
  EXPECT_STREQ(variant.kernels[0].name, "scale_exp");
  EXPECT_STREQ(variant.kernels[0].nodes, "exp_0,mul_1");
  EXPECT_EQ(variant.kernels[0].flops, 8);
  EXPECT_EQ(variant.kernels[0].bytes, 48);
  EXPECT_EQ(variant.kernels[0].scratch_bytes, 192);
  EXPECT_EQ(variant.kernels[0].max_tasks, 4);
  EXPECT_EQ(variant.weights_bytes, 80);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(variant.weights) % 4096, 0u);
  EXPECT_EQ(variant.weights[2], 3);
  runAndCheck(variant);
  dlclose(handle);
}

/// Runtimes without a service take the models that do not use it.
TEST_F(EmitTest, AModelAsksForTheServicesThatItUses) {
  auto execSize = [&](bool usesObjects, bool decodesImages) -> uint32_t {
    CompiledModel model = makeModel({"native"});
    model.info.usesObjects = usesObjects;
    model.info.decodesImages = decodesImages;
    std::string name = "model-" + std::to_string(usesObjects) + std::to_string(decodesImages);
    std::string file = path(name.c_str());
    if (Error error = emitModel(model, {EmitKind::SharedLibrary, file})) {
      ADD_FAILURE() << toString(std::move(error));
      return 0;
    }
    void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      ADD_FAILURE() << dlerror();
      return 0;
    }
    uint32_t size = static_cast<const tenon_model_desc *>(dlsym(handle, "tenon_model"))->exec_size;
    dlclose(handle);
    return size;
  };
  EXPECT_EQ(execSize(false, false), offsetof(tenon_exec, make_tensor));
  EXPECT_EQ(execSize(true, false), offsetof(tenon_exec, transfer));
  EXPECT_EQ(execSize(false, true), sizeof(tenon_exec));
}

TEST_F(EmitTest, SeveralInstructionSetsShareOneFile) {
  CompiledModel model = makeModel({"x86-64-v4", "x86-64-v3"});
  Error error = emitModel(model, {EmitKind::SharedLibrary, path("model.so")});
  ASSERT_FALSE(bool(error)) << toString(std::move(error));
  void *handle = dlopen(path("model.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto *desc = static_cast<const tenon_model_desc *>(dlsym(handle, "tenon_model"));
  ASSERT_EQ(desc->num_variants, 2);
  auto requires512 = [](const tenon_variant_desc &variant) {
    bool found = false;
    for (const char *const *feature = variant.features; *feature; ++feature)
      found |= !std::strcmp(*feature, "avx512f");
    return found;
  };
  EXPECT_TRUE(requires512(desc->variants[0]));
  EXPECT_FALSE(requires512(elementOf(desc->variants, 1, desc->variant_size)));
  EXPECT_NE(desc->variants[0].run, elementOf(desc->variants, 1, desc->variant_size).run);
  EXPECT_EQ(desc->variants[0].weights, elementOf(desc->variants, 1, desc->variant_size).weights);
  if (__builtin_cpu_supports("avx512f"))
    runAndCheck(desc->variants[0]);
  runAndCheck(elementOf(desc->variants, 1, desc->variant_size));
  dlclose(handle);
}

TEST_F(EmitTest, AModelWithoutConstantsWorks) {
  CompiledModel model = makeModel({"native"});
  model.weights = nullptr;
  Error error = emitModel(model, {EmitKind::SharedLibrary, path("model.so")});
  ASSERT_FALSE(bool(error)) << toString(std::move(error));
  void *handle = dlopen(path("model.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto *desc = static_cast<const tenon_model_desc *>(dlsym(handle, "tenon_model"));
  EXPECT_EQ(desc->variants[0].weights, nullptr);
  EXPECT_EQ(desc->variants[0].weights_bytes, 0);
  dlclose(handle);
}

TEST_F(EmitTest, OutputDependsOnNothingButTheModel) {
  CompiledModel model = makeModel({"native", "x86-64-v3"});
  for (const char *name : {"one.so", "four.so"}) {
    EmitOptions options{EmitKind::SharedLibrary, path(name)};
    options.threads = name[0] == 'o' ? 1 : 4;
    ASSERT_FALSE(errorToBool(emitModel(model, options)));
  }
  EXPECT_EQ(read(path("one.so")), read(path("four.so")));
}

TEST_F(EmitTest, CodeThatIsKeptIsTheSame) {
  CompiledModel model = makeModel({"native", "x86-64-v3"});
  CodeCache cache;
  for (const char *name : {"plain.so", "first.so", "second.so"}) {
    EmitOptions options{EmitKind::SharedLibrary, path(name)};
    options.cache = name[0] == 'p' ? nullptr : &cache;
    ASSERT_FALSE(errorToBool(emitModel(model, options)));
    EXPECT_EQ(read(path(name)), read(path("plain.so"))) << name;
    // Of both targets, the kernel and the host program.
    EXPECT_EQ(cache.size(), options.cache ? 4u : 0u) << name;
  }
}

TEST_F(EmitTest, AFailureKeepsTheOldFileAndNamesTheKernel) {
  CompiledModel model = makeModel({"native"});
  ASSERT_FALSE(bool(writeFile(path("model.so"), StringRef("old"))));
  model.code[0].kernels[0] = translateFrom(parse("llvm.func @other() { llvm.return }"));
  Error error = emitModel(model, {EmitKind::SharedLibrary, path("model.so")});
  EXPECT_EQ(toString(std::move(error)),
            "kernel 'scale_exp' (node 'exp_0,mul_1'): its module does not define 'scale_exp'");
  EXPECT_EQ(read(path("model.so")), "old");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(EmitTest, AFunctionThatNoLibraryHasNamesTheNode) {
  CompiledModel model = makeModel({"native"});
  model.code[0].kernels[0] = translateFrom(parse(R"(
    llvm.func @no_such_function()
    llvm.func @scale_exp(%args: !llvm.ptr, %task: i64, %tasks: i64) {
      llvm.call @no_such_function() : () -> ()
      llvm.return
    }
  )"));
  for (EmitKind kind : {EmitKind::SharedLibrary, EmitKind::Object, EmitKind::LLVMIR})
    EXPECT_EQ(toString(emitModel(model, {kind, path("model")})),
              "kernel 'scale_exp' (node 'exp_0,mul_1'): no library has the function "
              "'no_such_function'");
}

TEST_F(EmitTest, AnErrorOutOfLLVMNamesTheNode) {
  CompiledModel model = makeModel({"native"});
  model.code[0].kernels[0] = translateFrom(parse(R"(
    llvm.func @scale_exp(%args: !llvm.ptr, %task: i64, %tasks: i64) {
      llvm.inline_asm has_side_effects "no_such_instruction", "" : () -> ()
      llvm.return
    }
  )"));
  std::string error = toString(emitModel(model, {EmitKind::SharedLibrary, path("model.so")}));
  EXPECT_TRUE(StringRef(error).starts_with(
      "kernel 'scale_exp' (node 'exp_0,mul_1'): cannot generate code for 'scale_exp"))
      << error;
  EXPECT_NE(error.find("no_such_instruction"), std::string::npos) << error;
}

TEST_F(EmitTest, TextFormsShowAllCode) {
  CompiledModel model = makeModel({"x86-64-v4", "x86-64-v3"});
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::LLVMIR, path("model.ll")})));
  std::string ir = read(path("model.ll"));
  EXPECT_NE(ir.find("define hidden void @scale_exp.x86_64_v3"), std::string::npos) << ir;
  EXPECT_NE(ir.find("define hidden i32 @tenon_run.x86_64_v4"), std::string::npos);
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::Assembly, path("model.s")})));
  std::string assembly = read(path("model.s"));
  EXPECT_NE(assembly.find("\nscale_exp.x86_64_v4:"), std::string::npos);
  EXPECT_NE(assembly.find("\ntenon_model:"), std::string::npos);
}

TEST_F(EmitTest, AHeaderTellsASignature) {
  CompiledModel model = makeModel({"native"});
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::Header, path("model.h")})));
  std::string text = read(path("model.h"));
  EXPECT_NE(text.find("extern const struct tenon_model_desc tenon_model_tiny_model;"),
            std::string::npos);
  EXPECT_NE(text.find(" *   1  mask  int64 [batch, ?]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("tiny_model_input_mask = 1"), std::string::npos);
  EXPECT_NE(text.find(" *   x = y\n"), std::string::npos) << text;
  model.info.states.clear();
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::Header, path("model.h")})));
  EXPECT_EQ(read(path("model.h")).find("States"), std::string::npos);
}

TEST_F(EmitTest, FilesForAnotherArchitecture) {
  CompiledModel model = makeModel({"neoverse-v1", "generic"});
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::SharedLibrary, path("model.so")})));
  std::string library = read(path("model.so"));
  auto elf = cantFail(object::ELFFile<object::ELF64LE>::create(library));
  EXPECT_EQ(elf.getHeader().e_machine, ELF::EM_AARCH64);
  // Systems may have pages of 64 KiB, and all segments lie in some of their own.
  for (const auto &segment : cantFail(elf.program_headers()))
    if (segment.p_type == ELF::PT_LOAD) {
      EXPECT_EQ(segment.p_align, 65536u);
      EXPECT_EQ(segment.p_offset % 65536, segment.p_vaddr % 65536);
    }
  // The runner is for it, too.
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::Executable, path("model")})));
  std::string program = read(path("model"));
  EXPECT_EQ(cantFail(object::ELFFile<object::ELF64LE>::create(program)).getHeader().e_machine,
            ELF::EM_AARCH64);

  model = makeModel({"neoverse-n1", "x86-64-v3"});
  EXPECT_EQ(
      toString(emitModel(model, {EmitKind::SharedLibrary, path("both.so")})),
      "one file cannot hold code for 'cpu:neoverse-n1' (AArch64) and 'cpu:x86-64-v3' (x86-64)");
}

TEST_F(EmitTest, AnObjectCarriesItsWeightsIntoAnyLink) {
  CompiledModel model = makeModel({"native"});
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::Object, path("model.o")})));
  std::string object = read(path("model.o"));
  SmallVector<char, 0> library = cantFail(linkSharedLibrary(
      {{"model.o", ArrayRef(object.data(), object.size())}}, "tenon_model_tiny_model"));
  ASSERT_FALSE(bool(writeFile(path("model.so"), library, true)));
  void *handle = dlopen(path("model.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto *desc = static_cast<const tenon_model_desc *>(dlsym(handle, "tenon_model_tiny_model"));
  ASSERT_NE(desc, nullptr);
  EXPECT_EQ(desc->variants[0].weights[2], 3);
  // No linker changes weights: their checksum goes with them into any program.
  tenon_model *linked = nullptr;
  ASSERT_EQ(tenon_model_from_desc(desc, &linked), TENON_OK) << tenon_last_error();
  EXPECT_EQ(tenon_model_check_weights(linked), TENON_OK) << tenon_last_error();
  EXPECT_EQ(tenon_model_code_checksum(linked), 0u);
  tenon_model_free(linked);
  runAndCheck(desc->variants[0]);
  dlclose(handle);
}

/// The bytes of an .npy file.
std::string makeNpy(const char *descr, const char *shape, const void *data, size_t bytes) {
  std::string header =
      std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(117, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00\x76\x00", 10);
  return start + header + std::string(static_cast<const char *>(data), bytes);
}

TEST_F(EmitTest, AnExecutableRunsOnFiles) {
  CompiledModel model = makeModel({"native"});
  Error error = emitModel(model, {EmitKind::Executable, path("model")});
  ASSERT_FALSE(bool(error)) << toString(std::move(error));
  const float x[4] = {0, 1, 2, 3};
  const int64_t mask[6] = {};
  ASSERT_FALSE(errorToBool(writeFile(path("x.npy"), makeNpy("<f4", "(4,)", x, sizeof x))));
  ASSERT_FALSE(
      errorToBool(writeFile(path("mask.npy"), makeNpy("<i8", "(2, 3)", mask, sizeof mask))));
  ASSERT_EQ(runProgram({path("model"), "--input", "x=" + path("x.npy"), "--input",
                        "mask=" + path("mask.npy"), "--output-dir", directory.string(), "--threads",
                        "2"}),
            0)
      << read(path("log"));
  std::string y = read(path("y.npy"));
  ASSERT_EQ(y.size() % 64, 16u);
  EXPECT_NE(y.find("'shape': (4,)"), std::string::npos);
  float values[4];
  std::memcpy(values, y.data() + y.size() - sizeof values, sizeof values);
  for (int i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(values[i], std::exp(x[i]) * float(i + 1));

  EXPECT_NE(runProgram({path("model"), "--input", "x=" + path("x.npy")}), 0);
  EXPECT_NE(read(path("log")).find("input 'mask' is missing"), std::string::npos);
  for (const char *shape : {"(400000000000,)", "(4", "(-4,)", "(4x,)"}) {
    ASSERT_FALSE(errorToBool(writeFile(path("bad.npy"), makeNpy("<f4", shape, x, 15))));
    EXPECT_EQ(runProgram({path("model"), "--input", "x=" + path("bad.npy")}), 1) << shape;
    std::string log = read(path("log"));
    bool isClear = log.find("bad.npy': it is truncated") != std::string::npos ||
                   log.find("bad.npy': its shape is damaged") != std::string::npos;
    EXPECT_TRUE(isClear) << log;
  }
}

/// Flips one bit of a program and runs it; what it says goes to the file "log".
TEST_F(EmitTest, AnExecutableKnowsWhenItIsDamaged) {
  CompiledModel model = makeModel({"native"});
  model.info.inputs.clear(); // so that it runs without files as far as it is to run here
  model.info.states.clear();
  ASSERT_FALSE(errorToBool(emitModel(model, {EmitKind::Executable, path("model")})));
  const std::string content = read(path("model"));
  tenon_seal seal;
  std::memcpy(&seal, content.data() + content.size() - sizeof seal, sizeof seal);
  ASSERT_EQ(seal.weights_bytes, 80u);
  auto runFlipped = [&](uint64_t byte, const char *option) {
    std::string damaged = content;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 1 << byte % 8);
    cantFail(writeFile(path("damaged"), damaged, /*executable=*/true));
    return runProgram({path("damaged"), option});
  };
  uint64_t step = (seal.weights_offset - seal.library_offset) / 97;
  for (uint64_t byte = seal.library_offset; byte < seal.weights_offset; byte += step) {
    EXPECT_EQ(runFlipped(byte, "--help"), 1) << "byte " << byte;
    EXPECT_NE(read(path("log")).find("damaged: its code has the checksum"), std::string::npos)
        << read(path("log"));
  }
  for (uint64_t byte = content.size() - sizeof seal; byte < content.size(); ++byte)
    EXPECT_EQ(runFlipped(byte, "--help"), 1) << "byte " << byte;
  uint64_t weight = seal.weights_offset + 66;
  EXPECT_EQ(runFlipped(weight, "--help"), 0) << read(path("log"));
  EXPECT_EQ(runFlipped(weight, "--check"), 1);
  EXPECT_NE(read(path("log")).find("its weights have the checksum"), std::string::npos)
      << read(path("log"));
}

// Lowering of one context's modules on several threads: every module has types, attributes and
// constants of its own, so that the context's tables grow meanwhile.
TEST_F(EmitTest, ManyKernelsAreTranslatedAtOnce) {
  CompiledModel model = makeModel({"native"});
  for (int i = 1; i < 200; ++i) {
    std::string name = formatv("kernel_{0}", i);
    std::string text = formatv(R"(
      llvm.mlir.global internal constant @table(dense<{0}> : tensor<{0}xi32>) : !llvm.array<{0} x i32>
      llvm.func @{1}(%a: !llvm.ptr, %t: i64, %n: i64) {{
        %p = llvm.mlir.addressof @table : !llvm.ptr
        %q = llvm.getelementptr %p[0, %t] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<{0} x i32>
        %v = llvm.load %q : !llvm.ptr -> i32
        llvm.store %v, %a : i32, !llvm.ptr
        llvm.return
      })",
                               i, name);
    model.info.variants[0].kernels.push_back({name, "", 0, 0});
    model.code[0].kernels.push_back(translateFrom(parse(text)));
  }
  EmitOptions options{EmitKind::SharedLibrary, path("model.so")};
  options.threads = 8;
  Error error = emitModel(model, options);
  ASSERT_FALSE(bool(error)) << toString(std::move(error));
  void *handle = dlopen(path("model.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto *desc = static_cast<const tenon_model_desc *>(dlsym(handle, "tenon_model"));
  for (int i = 1; i < 200; ++i) {
    const auto &kernel = elementOf(desc->variants[0].kernels, i, desc->kernel_size);
    EXPECT_EQ(StringRef(kernel.name), "kernel_" + std::to_string(i));
    int32_t value = 0;
    kernel.fn(reinterpret_cast<void *const *>(&value), i - 1, 1);
    EXPECT_EQ(value, i);
  }
  dlclose(handle);
}

} // namespace
