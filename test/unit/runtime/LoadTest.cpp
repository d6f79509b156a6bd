// Loading: what a model tells about itself, and every kind of file that must be refused.
#include "Files.h"

#include <elf.h>
#include <unistd.h>

using namespace tenon::test;

namespace {

TEST(Load, describesTheModel) {
  Model model = load("scale");
  EXPECT_STREQ(tenon_model_name(model.get()), "scale");
  EXPECT_STREQ(tenon_model_target(model.get()), "cpu:any");
  EXPECT_STREQ(tenon_model_compiler_version(model.get()), "hand");
  ASSERT_EQ(tenon_model_num_inputs(model.get()), 2);
  ASSERT_EQ(tenon_model_num_outputs(model.get()), 1);
  const tenon_tensor_info *a = tenon_model_input(model.get(), 0);
  EXPECT_STREQ(a->name, "a");
  EXPECT_EQ(a->dtype, TENON_FLOAT);
  ASSERT_EQ(a->rank, 2);
  EXPECT_EQ(a->dims[0].value, -1);
  EXPECT_STREQ(a->dims[0].symbol, "batch");
  EXPECT_STREQ(a->dims[1].symbol, "seq");
  EXPECT_STREQ(tenon_model_output(model.get(), 0)->name, "out");
  EXPECT_EQ(tenon_model_input(model.get(), 2), nullptr);
  EXPECT_EQ(tenon_model_output(model.get(), -1), nullptr);
  EXPECT_EQ(tenon_model_find_input(model.get(), "w"), 1);
  EXPECT_EQ(tenon_model_find_input(model.get(), "out"), -1);
  EXPECT_EQ(tenon_model_find_output(model.get(), "out"), 0);
}

TEST(Load, describesStaticDimensionsAndKernels) {
  Model model = load("add");
  EXPECT_EQ(tenon_model_input(model.get(), 1)->dims[0].value, 1024);
  EXPECT_EQ(tenon_model_input(model.get(), 1)->dims[0].symbol, nullptr);
  EXPECT_EQ(tenon_model_checksum(model.get()), 42u);
  EXPECT_GE(tenon_model_workspace_size(model.get()), 4096u);
  ASSERT_EQ(tenon_model_num_kernels(model.get()), 2);
  tenon_kernel_info info;
  ASSERT_EQ(tenon_model_kernel(model.get(), 1, &info), TENON_OK);
  EXPECT_STREQ(info.name, "add_1");
  EXPECT_EQ(info.flops, 1024);
  EXPECT_EQ(info.bytes, 12288);
  EXPECT_ERROR(tenon_model_kernel(model.get(), 2, &info), TENON_INVALID_ARGUMENT, "no kernel 2");
  EXPECT_STREQ(tenon_model_kernel_precision(model.get(), 1), "f32");
  EXPECT_STREQ(tenon_model_kernel_precision(model.get(), 0), "");
  EXPECT_EQ(tenon_model_kernel_precision(model.get(), 2), nullptr);
}

TEST(Load, findsAFileInTheCurrentFolder) {
  char folder[4096];
  ASSERT_TRUE(getcwd(folder, sizeof folder));
  ASSERT_EQ(chdir(TEST_MODELS), 0);
  tenon_model *model = nullptr;
  EXPECT_EQ(tenon_model_load("add.so", &model), TENON_OK) << tenon_last_error();
  tenon_model_free(model);
  ASSERT_EQ(chdir(folder), 0);
}

TEST(Load, takesTheFileThatIsThereNow) {
  TemporaryFile file(readFile(modelPath("add")));
  auto loadFile = [&] {
    tenon_model *model = nullptr;
    EXPECT_EQ(tenon_model_load(file.path(), &model), TENON_OK) << tenon_last_error();
    return Model(model);
  };
  auto replace = [&](const char *name) {
    TemporaryFile other(readFile(modelPath(name)));
    ASSERT_EQ(rename(other.path(), file.path()), 0);
  };
  Model first = loadFile();
  replace("scale");
  Model second = loadFile(), again = loadFile();
  replace("state");
  Model third = loadFile();
  EXPECT_STREQ(tenon_model_name(first.get()), "add");
  EXPECT_STREQ(tenon_model_name(second.get()), "scale");
  EXPECT_STREQ(tenon_model_name(again.get()), "scale");
  EXPECT_STREQ(tenon_model_name(third.get()), "state");
  first.reset();
  Model fourth = loadFile();
  EXPECT_STREQ(tenon_model_name(fourth.get()), "state");
}

TEST(Load, refusesNullAndMissing) {
  tenon_model *model = nullptr;
  EXPECT_ERROR(tenon_model_load(nullptr, &model), TENON_INVALID_ARGUMENT, "path is null");
  EXPECT_ERROR(tenon_model_load("x.so", nullptr), TENON_INVALID_ARGUMENT, "model is null");
  EXPECT_ERROR(tenon_model_load("/nowhere/x.so", &model), TENON_FILE_ERROR,
               "/nowhere/x.so: No such");
  EXPECT_ERROR(tenon_model_load("/tmp", &model), TENON_FILE_ERROR, "/tmp: not a file");
  EXPECT_ERROR(tenon_model_from_desc(nullptr, &model), TENON_INVALID_ARGUMENT, "desc is null");
  EXPECT_EQ(model, nullptr);
  tenon_model_free(nullptr);
}

TEST(Load, refusesForeignFiles) {
  EXPECT_ERROR(tryLoad(""), TENON_INVALID_MODEL, "not an ELF file");
  EXPECT_ERROR(tryLoad("\x7f"), TENON_INVALID_MODEL, "not an ELF file");
  EXPECT_ERROR(tryLoad("just some text\n"), TENON_INVALID_MODEL, "not an ELF file");
  EXPECT_ERROR(tryLoad("\x7f"
                       "ELF"),
               TENON_INVALID_MODEL, "truncated");
  tenon_model *model = nullptr;
  // Its constructor aborts: it must be refused without being run.
  EXPECT_ERROR(tenon_model_load(modelPath("foreign").c_str(), &model), TENON_INVALID_MODEL,
               "without the symbol 'tenon_model'");
  EXPECT_ERROR(tenon_model_load("/proc/self/exe", &model), TENON_INVALID_MODEL, "a program");
}

TEST(Load, refusesEveryTruncation) {
  std::string content = readFile(modelPath("add"));
  ASSERT_GT(content.size(), 1000u);
  ASSERT_EQ(tryLoad(content), TENON_OK);
  for (size_t size = 0; size < content.size(); size += 97)
    EXPECT_EQ(tryLoad(content.substr(0, size)), TENON_INVALID_MODEL) << "at " << size;
  EXPECT_ERROR(tryLoad(content.substr(0, content.size() - 1)), TENON_INVALID_MODEL, "truncated");
}

/// Every header field that sizes something, set to nonsense, under a seal that agrees.
TEST(Load, refusesDamagedHeaders) {
  std::string content = readFile(modelPath("add"));
  auto damaged = [&](auto change) {
    std::string copy = content;
    change(reinterpret_cast<Elf64_Ehdr *>(copy.data()), copy.data());
    return tryLoad(reseal(copy));
  };
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_machine = EM_SPARC; }), TENON_INVALID_MODEL,
               "another machine");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_type = ET_REL; }), TENON_INVALID_MODEL,
               "not a shared library");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_ident[EI_CLASS] = ELFCLASS32; }),
               TENON_INVALID_MODEL, "64-bit");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_phoff = ~0ull - 8; }), TENON_INVALID_MODEL,
               "impossible size");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_shoff = 1ull << 40; }), TENON_INVALID_MODEL,
               "truncated");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_shnum = 0; }), TENON_INVALID_MODEL,
               "no section headers");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *) { h->e_phnum = 0; }), TENON_INVALID_MODEL,
               "no program headers");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *base) {
                 reinterpret_cast<Elf64_Phdr *>(base + h->e_phoff)[1].p_filesz = 1ull << 40;
               }),
               TENON_INVALID_MODEL, "truncated: a segment");
  EXPECT_ERROR(damaged([](Elf64_Ehdr *h, char *base) {
                 auto *sections = reinterpret_cast<Elf64_Shdr *>(base + h->e_shoff);
                 for (int i = 0; i < h->e_shnum; ++i)
                   if (sections[i].sh_type == SHT_DYNSYM)
                     sections[i].sh_link = 60000;
               }),
               TENON_INVALID_MODEL, "exports nothing");
}

TEST(Load, refusesOtherVersionsAndMarks) {
  tenon_model *model = nullptr;
  EXPECT_ERROR(tenon_model_load(modelPath("old-version").c_str(), &model), TENON_WRONG_VERSION,
               "compiled for version 0 of the runtime interface; this runtime has 3");
  EXPECT_ERROR(tenon_model_load(modelPath("new-version").c_str(), &model), TENON_WRONG_VERSION,
               "compiled for version 99 of the runtime interface; this runtime has 3");
  // The models of the first version had no seal.
  std::string content = readFile(modelPath("old-version"));
  content.resize(content.size() - sizeof(tenon_seal));
  EXPECT_ERROR(tryLoad(content), TENON_WRONG_VERSION, "compiled for version 0");
  EXPECT_ERROR(tenon_model_load(modelPath("other-mark").c_str(), &model), TENON_INVALID_MODEL,
               "another mark");
}

TEST(Load, namesTheMissingFeature) {
  tenon_model *model = nullptr;
  EXPECT_ERROR(tenon_model_load(modelPath("missing-feature").c_str(), &model),
               TENON_UNSUPPORTED_CPU,
               "model 'add' cannot run on this CPU: cpu:best needs avx1024f");
}

/// Variants for a device that this runtime does not know may stand beside one that it can run.
TEST(Load, passesOverUnknownDevices) {
  EXPECT_STREQ(tenon_model_target(load("other-device-first").get()), "cpu:any");
  tenon_model *model = nullptr;
  EXPECT_ERROR(tenon_model_load(modelPath("other-device").c_str(), &model), TENON_UNSUPPORTED_CPU,
               "cpu:best needs a device of kind 7");
}

TEST(Load, choosesTheFirstVariantThatRuns) {
  EXPECT_STREQ(tenon_model_target(load("fallback").get()), "cpu:any");
  EXPECT_STREQ(tenon_model_target(load("add").get()), "cpu:best");
}

} // namespace
