// Files that are not models, and models that are not whole: each gets an error that names the file.

#include "TestModels.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fstream>
#include <unistd.h>

using namespace tenon;
using namespace tenon::test;

namespace {

/// A folder that goes away with the test.
class ModelFileTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("tenon-modelfile", path));
    folder = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string write(const std::string &name, const std::string &bytes) {
    std::string path = folder + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  /// The error that opening gives, with the folder's random name removed.
  std::string openError(const std::string &path) {
    auto file = ModelFile::open(path);
    if (file)
      return "no error";
    std::string text = llvm::toString(file.takeError());
    if (text.rfind(folder + "/", 0) == 0)
      text = text.substr(folder.size() + 1);
    return text;
  }

  std::string folder;
};

const char *const addGraph = R"(g (float[2] x) => (float[2] y) { y = Identity(x) })";

/// A graph whose node holds a graph whose node holds a graph ...
std::string nest(int depth) {
  // Built from the inside as bytes: protobuf's own classes would overflow the stack.
  auto field = [](int number, const std::string &bytes) {
    std::string text(1, static_cast<char>(number << 3 | 2));
    size_t size = bytes.size();
    for (; size >= 0x80; size >>= 7)
      text += static_cast<char>(size | 0x80);
    text += static_cast<char>(size);
    return text + bytes;
  };
  std::string graph = field(2, "leaf");
  for (int level = 0; level < depth; ++level)
    graph = field(1, field(4, "If") + field(5, field(1, "then_branch") + field(6, graph)));
  return std::string("\x08\x08", 2) + field(8, std::string("\x10\x11", 2)) + field(7, graph);
}

TEST_F(ModelFileTest, OpensAModel) {
  std::string path = write("model.onnx", parseGraph(addGraph).SerializeAsString());
  auto file = ModelFile::open(path);
  ASSERT_TRUE(static_cast<bool>(file)) << llvm::toString(file.takeError());
  EXPECT_EQ((*file)->graph().node_size(), 1);
  EXPECT_EQ((*file)->name(), path);
}

TEST_F(ModelFileTest, NamesWhatIsWrongWithTheFile) {
  EXPECT_EQ(openError(folder + "/none.onnx"),
            "none.onnx: cannot be opened: No such file or directory");
  EXPECT_EQ(openError(folder + "/."), ".: is a directory, not an ONNX file");
  EXPECT_EQ(openError(write("empty.onnx", "")), "empty.onnx: the file is empty");
}

TEST_F(ModelFileTest, RefusesTruncatedFilesAtEveryLength) {
  std::string bytes = parseGraph(addGraph).SerializeAsString();
  for (size_t size = 1; size < bytes.size(); ++size) {
    auto file = ModelFile::parse(llvm::StringRef(bytes).take_front(size), "m.onnx");
    if (file) // Fields may end there; what is left must then be a whole model.
      continue;
    EXPECT_EQ(llvm::toString(file.takeError()).rfind("m.onnx: ", 0), 0u);
  }
  EXPECT_EQ(openError(write("cut.onnx", bytes.substr(0, bytes.size() - 20))),
            "cut.onnx: not a valid ONNX file: it is truncated: field 'onnx.ModelProto.graph' needs "
            "57 bytes, but 43 are left");
}

TEST_F(ModelFileTest, RefusesWhatIsNotProtobuf) {
  EXPECT_NE(
      openError(write("text.onnx", "this is not a model at all")).find("not a valid ONNX file"),
      std::string::npos);
  EXPECT_NE(openError(write("png.onnx", "\x89PNG\r\n\x1a\n")).find("not a valid ONNX file"),
            std::string::npos);
}

TEST_F(ModelFileTest, RefusesModelsWithoutTheirParts) {
  onnx::ModelProto model = parseGraph(addGraph);
  auto error = [&] {
    auto file = ModelFile::parse(model.SerializeAsString(), "m.onnx");
    return file ? "no error" : llvm::toString(file.takeError());
  };
  model.clear_opset_import();
  EXPECT_EQ(error(), "m.onnx: the model has no opset_import: it does not say which operator "
                     "versions it uses");
  model = parseGraph(addGraph);
  model.set_ir_version(99);
  EXPECT_EQ(error(), "m.onnx: IR version 99 is not supported, only 1 to 14");
  model.clear_ir_version();
  EXPECT_EQ(error(), "m.onnx: the model has no IR version");
  model = parseGraph(addGraph);
  model.clear_graph();
  EXPECT_EQ(error(), "m.onnx: the model has no graph");
  model = parseGraph(addGraph);
  model.add_opset_import()->set_version(13);
  EXPECT_EQ(error(), "m.onnx: opset_import names domain '' with versions 17 and 13");
  model.mutable_opset_import(1)->set_version(-1);
  EXPECT_EQ(error(), "m.onnx: opset_import of domain '' has version -1");
}

TEST_F(ModelFileTest, RefusesDeepNestingWithoutRecursing) {
  for (int depth : {100, 10000})
    EXPECT_EQ(openError(write("deep.onnx", nest(depth))),
              "deep.onnx: not a valid ONNX file: it nests subgraphs deeper than the 64 levels that "
              "are supported");
  EXPECT_EQ(openError(write("shallow.onnx", nest(64))), "no error");
}

// --- External data ---

class ExternalDataTest : public ModelFileTest {
protected:
  /// The errors of importing a model whose initializer W (float[4]) lies in `location`.
  std::string importError(const std::string &location, const std::string &offset = "0",
                          const std::string &length = "16") {
    onnx::ModelProto model = parseGraph(addGraph);
    onnx::TensorProto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name("W");
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    tensor->add_dims(4);
    tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    auto entry = [&](const char *key, const std::string &value) {
      onnx::StringStringEntryProto *pair = tensor->add_external_data();
      pair->set_key(key);
      pair->set_value(value);
    };
    entry("location", location);
    entry("offset", offset);
    entry("length", length);
    auto file = ModelFile::open(write("model.onnx", model.SerializeAsString()));
    if (!file)
      return llvm::toString(file.takeError());
    Outcome outcome = import(*file);
    if (outcome.succeeded)
      return "no error";
    size_t start = outcome.errors.find("initializer 'W': ");
    EXPECT_EQ(outcome.errors.rfind(folder + "/model.onnx: ", 0), 0u);
    return start == std::string::npos ? outcome.errors
                                      : outcome.errors.substr(start + strlen("initializer 'W': "));
  }
};

TEST_F(ExternalDataTest, ReadsPartsOfFiles) {
  write("w.bin", std::string(64, '\0'));
  ASSERT_FALSE(llvm::sys::fs::create_directory(folder + "/sub"));
  write("sub/w.bin", std::string(16, '\0'));
  EXPECT_EQ(importError("w.bin"), "no error");
  EXPECT_EQ(importError("w.bin", "48"), "no error");
  EXPECT_EQ(importError("sub/w.bin"), "no error");
}

TEST_F(ExternalDataTest, RefusesBadRanges) {
  write("w.bin", std::string(20, '\0'));
  EXPECT_EQ(importError("w.bin", "8"), "external data file 'w.bin' is too short: it has 20 bytes, "
                                       "but 16 are needed from offset 8\n");
  EXPECT_EQ(importError("w.bin", "18446744073709551615"),
            "external data file 'w.bin' is too short: it has 20 bytes, but 16 are needed from "
            "offset 18446744073709551615\n");
  EXPECT_EQ(importError("w.bin", "-1"), "external data has the bad offset '-1'\n");
  EXPECT_EQ(importError("w.bin", "0", "1e3"), "external data has the bad length '1e3'\n");
  EXPECT_EQ(importError("w.bin", "0", "8"),
            "external data has length 8, but the shape needs 16 bytes\n");
}

TEST_F(ExternalDataTest, StaysInTheFolder) {
  write("w.bin", std::string(16, '\0'));
  EXPECT_EQ(importError(""), "external data has no location\n");
  EXPECT_EQ(importError("none.bin"),
            "external data file 'none.bin' cannot be opened: No such file or directory\n");
  EXPECT_EQ(importError("/etc/passwd"), "external data file '/etc/passwd' is an absolute path; it "
                                        "must be inside the model's folder\n");
  EXPECT_EQ(importError("../w.bin"),
            "external data file '../w.bin' points outside the model's folder\n");
  EXPECT_EQ(importError("sub/../../w.bin"),
            "external data file 'sub/../../w.bin' points outside the model's folder\n");
  EXPECT_EQ(importError("."), "external data file '.' points outside the model's folder\n");
  ASSERT_EQ(symlink("/etc/passwd", (folder + "/link").c_str()), 0);
  EXPECT_EQ(importError("link"), "external data file 'link' points outside the model's folder\n");
  ASSERT_EQ(symlink("/etc", (folder + "/dir").c_str()), 0);
  EXPECT_EQ(importError("dir/passwd"),
            "external data file 'dir/passwd' points outside the model's folder\n");
  // A sibling whose name starts like the folder's is outside, too.
  ASSERT_FALSE(llvm::sys::fs::create_directory(folder + "-twin"));
  std::ofstream(folder + "-twin/w.bin") << std::string(16, '\0');
  ASSERT_EQ(symlink((folder + "-twin/w.bin").c_str(), (folder + "/twin").c_str()), 0);
  EXPECT_EQ(importError("twin"), "external data file 'twin' points outside the model's folder\n");
  llvm::sys::fs::remove_directories(folder + "-twin");
  // Links that stay inside are fine.
  ASSERT_EQ(symlink("w.bin", (folder + "/inside").c_str()), 0);
  EXPECT_EQ(importError("inside"), "no error");
}

TEST_F(ExternalDataTest, IsRefusedForModelsInMemory) {
  auto file = ModelFile::parse(parseGraph(addGraph).SerializeAsString());
  ASSERT_TRUE(static_cast<bool>(file));
  EXPECT_EQ(llvm::toString((*file)->externalData("w.bin", 0, 4).takeError()),
            "external data file 'w.bin' cannot be read: a model in memory has no folder");
}

} // namespace
