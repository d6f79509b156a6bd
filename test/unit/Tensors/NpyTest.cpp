// Arrays survive the way through .npy; damaged files of any length are refused, not believed.
#include "lib/Tensors/Npy.h"
#include "lib/Tensors/Zip.h"
#include <gtest/gtest.h>

using namespace tenon;

static Tensor make(int32_t dtype, std::vector<int64_t> dims) {
  Tensor tensor = llvm::cantFail(Tensor::create(dtype, dims));
  for (int64_t i = 0; dtype != TENON_STRING && i < tensor.numElements(); ++i)
    tensor.setElement(i, static_cast<double>(i % 5));
  return tensor;
}

static std::string fileWith(llvm::StringRef header, llvm::StringRef data) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  return file + header.str() + data.str();
}

TEST(Npy, KeepsTypesAndShapes) {
  for (int32_t dtype : {TENON_FLOAT, TENON_DOUBLE, TENON_FLOAT16, TENON_BFLOAT16, TENON_INT8,
                        TENON_UINT64, TENON_BOOL, TENON_COMPLEX64})
    for (std::vector<int64_t> dims : {std::vector<int64_t>{}, {0, 3}, {7}, {2, 3, 4}}) {
      Tensor tensor = make(dtype, dims);
      std::string file = llvm::cantFail(formatNpy(tensor));
      EXPECT_EQ((file.size() - tensor.bytes.size()) % 64, 0u);
      llvm::Expected<Tensor> read = parseNpy(file);
      ASSERT_TRUE(static_cast<bool>(read));
      EXPECT_EQ(describeTensorType(*read), describeTensorType(tensor));
      EXPECT_EQ(read->bytes, tensor.bytes);
    }
}

TEST(Npy, KeepsStrings) {
  Tensor tensor = make(TENON_STRING, {2, 2});
  tensor.strings = {"", "eins", "\xc3\xbc\xe2\x82\xac", "a"};
  llvm::Expected<Tensor> read = parseNpy(llvm::cantFail(formatNpy(tensor)));
  ASSERT_TRUE(static_cast<bool>(read));
  EXPECT_EQ(read->strings, tensor.strings);
}

TEST(Npy, WidensPackedElements) {
  Tensor tensor = make(TENON_INT4, {3});
  tensor.setElement(1, -8);
  llvm::Expected<Tensor> read = parseNpy(llvm::cantFail(formatNpy(tensor)));
  ASSERT_TRUE(static_cast<bool>(read));
  EXPECT_EQ(read->dtype, TENON_INT8);
  EXPECT_EQ(read->element(1), -8);
}

TEST(Npy, ReordersFortran) {
  std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n";
  llvm::Expected<Tensor> read = parseNpy(fileWith(header, llvm::StringRef("\0\3\1\4\2\5", 6)));
  ASSERT_TRUE(static_cast<bool>(read));
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(read->element(i), i);
}

TEST(Npy, RefusesEveryTruncation) {
  std::string file = llvm::cantFail(formatNpy(make(TENON_FLOAT, {5, 2})));
  for (size_t size = 0; size < file.size(); ++size) {
    llvm::Expected<Tensor> read = parseNpy(llvm::StringRef(file).take_front(size));
    EXPECT_FALSE(static_cast<bool>(read)) << size;
    llvm::consumeError(read.takeError());
  }
}

TEST(Npy, RefusesNonsense) {
  for (llvm::StringRef header :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (1099511627776,), }",
        "{'descr': '<U9', 'fortran_order': False, 'shape': (1099511627776,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "{}", ""}) {
    llvm::Expected<Tensor> read = parseNpy(fileWith(header, "12345678"));
    EXPECT_FALSE(static_cast<bool>(read)) << header.str();
    llvm::consumeError(read.takeError());
  }
}

TEST(Zip, RefusesWhatIsNone) {
  for (llvm::StringRef bytes :
       {llvm::StringRef("nothing"), llvm::StringRef("PK\5\6", 4),
        llvm::StringRef("PK\5\6\0\0\0\0\1\0\1\0\xff\xff\xff\xff\0\0", 18)}) {
    llvm::Expected<std::vector<ZipEntry>> read = readZip(bytes);
    bool isEmpty = read && read->empty();
    EXPECT_TRUE(isEmpty || !read);
    if (!read)
      llvm::consumeError(read.takeError());
  }
}

/// An archive with one stored entry. The checksum is that of the contents, unless another is given.
static std::string makeZip(llvm::StringRef contents, uint32_t checksum) {
  std::string file;
  auto put = [&](uint64_t value, int bytes) {
    for (; bytes > 0; --bytes, value >>= 8)
      file += static_cast<char>(value);
  };
  auto putSizes = [&] {
    put(checksum, 4);
    put(contents.size(), 4);
    put(contents.size(), 4);
    put(1, 2); // the name's size
    put(0, 2);
  };
  put(0x04034b50, 4);
  put(0, 10);
  putSizes();
  file += "x" + contents.str();
  size_t directory = file.size();
  put(0x02014b50, 4);
  put(0, 12);
  putSizes();
  put(0, 14); // comment, disk, attributes; then the offset of the entry, which is 0
  file += 'x';
  size_t end = file.size();
  put(0x06054b50, 4);
  put(0, 4);
  put(1, 2);
  put(1, 2);
  put(end - directory, 4);
  put(directory, 4);
  put(0, 2);
  return file;
}

TEST(Zip, ComparesChecksums) {
  llvm::Expected<std::vector<ZipEntry>> read = readZip(makeZip("123456789", 0xcbf43926));
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->front().contents, "123456789");
  read = readZip(makeZip("123456788", 0xcbf43926));
  ASSERT_FALSE(static_cast<bool>(read));
  EXPECT_EQ(llvm::toString(read.takeError()), "entry 'x' is damaged: its checksum is another");
}
