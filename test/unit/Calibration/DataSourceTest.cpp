// Samples from files: what they are taken for, and what is refused.

#include "lib/Calibration/DataSource.h"
#include "lib/Tensors/Npy.h"
#include "lib/Tensors/ProtoFile.h"
#include "test/unit/Calibration/TestTensors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <fstream>

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

class DataFiles : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("calibration", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string file(const llvm::Twine &name) {
    llvm::SmallString<256> path(folder);
    llvm::sys::path::append(path, name);
    return std::string(path);
  }
  std::string writeArray(const llvm::Twine &name, const Tensor &tensor) {
    llvm::cantFail(writeNpyFile(file(name), tensor));
    return file(name);
  }
  std::string writeText(const llvm::Twine &name, llvm::StringRef text) {
    std::ofstream(file(name)) << text.str();
    return file(name);
  }
  /// An input "x" of these sizes.
  static std::vector<InputType> input(std::vector<int64_t> dims) {
    return {{"x", TENON_FLOAT, std::move(dims), {}}};
  }
  /// What reading all samples says.
  static std::string readAll(const std::vector<std::string> &paths, std::vector<InputType> inputs,
                             const DataOptions &options = {}) {
    auto data = openData(paths, std::move(inputs), options);
    if (!data)
      return llvm::toString(data.takeError());
    std::string text;
    for (int64_t i = 0; i < (*data)->size(); ++i) {
      llvm::Expected<Sample> sample = (*data)->read(i);
      if (!sample)
        return llvm::toString(sample.takeError());
      for (Value &value : sample->inputs)
        text += describeTensorType(value.tensor) + formatNumber(value.tensor.element(0)) + " ";
      if (sample->label)
        text += "label " + std::to_string(*sample->label) + " ";
    }
    return text;
  }

  llvm::SmallString<128> folder;
};

TEST_F(DataFiles, TakesRowsForSamples) {
  std::string path = writeArray("a.npy", floats({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(readAll({path}, input({-1, 2})), "float[1,2]0 float[1,2]2 float[1,2]4 float[1,2]6 ");
  EXPECT_EQ(readAll({path}, input({2, 2})), "float[2,2]0 float[2,2]4 ");
  EXPECT_EQ(readAll({path}, input({4, 2})), "float[4,2]0 ");
  EXPECT_EQ(readAll({path}, input({2})), "float[2]0 float[2]2 float[2]4 float[2]6 ");
}

TEST_F(DataFiles, StopsAtTheLimit) {
  std::string path = writeArray("a.npy", floats({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7}));
  DataOptions options;
  options.limit = 2;
  EXPECT_EQ(readAll({path}, input({2}), options), "float[2]0 float[2]2 ");
}

TEST_F(DataFiles, JoinsFilesOfSeveralInputs) {
  std::string x = writeArray("x.npy", floats({2, 2}, {0, 1, 2, 3}));
  std::string y = writeArray("y.npy", floats({}, {7}));
  std::vector<InputType> inputs = {{"x", TENON_FLOAT, {2}, {}}, {"y", TENON_FLOAT, {}, {}}};
  EXPECT_EQ(readAll({"x=" + x, "y=" + y}, inputs), "float[2]0 float[]7 float[2]2 float[]7 ");
  EXPECT_EQ(readAll({"x=" + x}, inputs), "there is no data for input 'y'");
  y = writeArray("y.npy", floats({3}, {7, 8, 9}));
  EXPECT_EQ(readAll({"x=" + x, "y=" + y}, inputs),
            y + ": array 'y' has 3 samples, but " + x + " has 2");
}

TEST_F(DataFiles, ReadsFoldersInOrder) {
  writeArray("2.npy", floats({2}, {2, 2}));
  writeArray("1.npy", floats({2, 2}, {1, 1, 5, 5}));
  writeText("readme.txt", "not data");
  EXPECT_EQ(readAll({folder.str().str()}, input({2})), "float[2]1 float[2]5 float[2]2 ");
}

TEST_F(DataFiles, ReadsTestData) {
  for (std::string set : {"test_data_set_0", "test_data_set_1"}) {
    ASSERT_FALSE(llvm::sys::fs::create_directory(file(set)));
    llvm::cantFail(writeProtoFile(file(set + "/input_0.pb"),
                                  {"x", Value(floats({1}, {set.back() == '0' ? 3.f : 4.f}))}));
  }
  EXPECT_EQ(readAll({folder.str().str()}, input({1})), "float[1]3 float[1]4 ");
  EXPECT_EQ(readAll({file("test_data_set_1")}, input({1})), "float[1]4 ");
}

TEST_F(DataFiles, ReadsLabels) {
  std::string path = writeArray("a.npy", floats({2, 1}, {0, 1}));
  DataOptions options;
  options.labels = writeText("labels.txt", "4\n2\n");
  EXPECT_EQ(readAll({path}, input({1}), options), "float[1]0 label 4 float[1]1 label 2 ");
  options.labels = writeText("labels.txt", "4\n");
  EXPECT_EQ(readAll({path}, input({1}), options), options.labels + ": has 1 labels for 2 samples");
  options.labels = writeText("labels.txt", "4\ncat\n");
  EXPECT_EQ(readAll({path}, input({1}), options),
            options.labels + ":2: expected a label, found 'cat'");
}

TEST_F(DataFiles, NamesWhatIsWrong) {
  std::string nan = writeArray("nan.npy", floats({2, 2}, {0, 1, NAN, 3}));
  EXPECT_EQ(readAll({nan}, input({2})), nan + ", sample 1: input 'x' holds nan at [0]");
  std::string wide = writeArray("wide.npy", floats({2, 3}, {0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(readAll({wide}, input({-1, 2})),
            wide + ": array 'x' is float[2,3], but the model takes float[?,2], or an array of "
                   "these with one axis more");
  Tensor integers = llvm::cantFail(Tensor::create(TENON_INT64, {2}));
  std::string integer = writeArray("integer.npy", integers);
  EXPECT_EQ(readAll({integer}, input({2})),
            integer + ": input 'x' is int64[2], but the model takes float[2]");
  EXPECT_EQ(readAll({file("none.npy")}, input({2})),
            file("none.npy") + ": there is no such file or folder");
  std::string empty = writeArray("empty.npy", floats({0, 2}, {}));
  EXPECT_EQ(readAll({empty}, input({2})), empty + ": no samples");
  std::string text = writeText("data.csv", "1,2");
  EXPECT_EQ(readAll({text}, input({2})),
            text + ": is of an unknown kind; .npy, .npz, .pb and pictures are read");
  std::string broken = writeText("broken.npz", "PK");
  EXPECT_EQ(readAll({broken}, input({2})), broken + ": is not a zip archive, or truncated");
}

TEST_F(DataFiles, RefusesEmptyFolders) {
  EXPECT_EQ(readAll({folder.str().str()}, input({2})),
            folder.str().str() + ": holds no samples: no picture, .npy, .npz or input_0.pb");
}

TEST(SplitData, HoldsBackAPart) {
  auto makeSource = [](int64_t count) {
    int64_t given = 0;
    return llvm::cantFail(spoolSamples(
        [&]() -> llvm::Expected<std::optional<Sample>> {
          if (given++ == count)
            return std::nullopt;
          return Sample{"", {Value(floats({}, {float(given - 1)}))}, {}};
        },
        {{"x", TENON_FLOAT, {}, {}}}));
  };
  auto eight = makeSource(8);
  DataSplit split = splitData(*eight);
  EXPECT_EQ(split.calibration.size(), 6);
  EXPECT_EQ(split.heldBack.size(), 2);
  std::vector<double> seen;
  for (DataSubset *part : {&split.calibration, &split.heldBack})
    for (int64_t i = 0; i < part->size(); ++i)
      seen.push_back(llvm::cantFail(part->read(i)).inputs[0].tensor.element(0));
  llvm::sort(seen);
  EXPECT_EQ(seen, (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}));
  auto two = makeSource(2);
  EXPECT_EQ(splitData(*two).heldBack.size(), 1);
  auto one = makeSource(1);
  EXPECT_EQ(splitData(*one).calibration.size(), 1);
  EXPECT_EQ(splitData(*one).heldBack.size(), 1);
}

} // namespace
