// Arrays that stay in their files: rows are those of the whole array.
#include "lib/Tensors/ArrayFile.h"
#include "lib/Support/Files.h"
#include "lib/Tensors/Npy.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include <fstream>
#include <gtest/gtest.h>

using namespace tenon;

namespace {

Tensor counting(int32_t dtype, std::vector<int64_t> dims) {
  Tensor tensor = llvm::cantFail(Tensor::create(dtype, dims));
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.setElement(i, static_cast<double>(i));
  return tensor;
}

/// A file that goes away.
struct TestFile {
  explicit TestFile(llvm::StringRef extension, llvm::ArrayRef<char> contents) {
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("array", extension, path));
    remover.setFile(path);
    llvm::cantFail(writeFile(path, contents));
  }
  llvm::SmallString<128> path;
  llvm::FileRemover remover;
};

TEST(ArrayFile, ReadsRowsOfAnNpyFile) {
  for (int32_t dtype : {TENON_FLOAT, TENON_UINT8, TENON_INT64}) {
    TestFile file("npy", llvm::cantFail(formatNpy(counting(dtype, {5, 2, 3}))));
    auto arrays = llvm::cantFail(FileArray::open(file.path));
    ASSERT_EQ(arrays.size(), 1u);
    Tensor rows = arrays[0].readRows(2, 2);
    EXPECT_EQ(rows.dims, (std::vector<int64_t>{2, 2, 3}));
    EXPECT_EQ(rows.element(0), 12);
    EXPECT_EQ(rows.element(11), 23);
    EXPECT_EQ(arrays[0].readAll().bytes, counting(dtype, {5, 2, 3}).bytes);
  }
}

TEST(ArrayFile, ReadsColumnsFirst) {
  std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  bytes += header + std::string("\x00\x01\x02\x03\x04\x05", 6);
  TestFile file("npy", bytes);
  Tensor row = llvm::cantFail(FileArray::open(file.path))[0].readRows(1, 1);
  EXPECT_EQ(row.element(0), 1);
  EXPECT_EQ(row.element(1), 3);
  EXPECT_EQ(row.element(2), 5);
}

TEST(ArrayFile, RefusesDamagedFiles) {
  std::string bytes = llvm::cantFail(formatNpy(counting(TENON_FLOAT, {5, 2})));
  TestFile file("npy", llvm::StringRef(bytes).drop_back());
  std::string path(file.path);
  EXPECT_EQ(llvm::toString(FileArray::open(path).takeError()), path + ": is truncated");
}

} // namespace
