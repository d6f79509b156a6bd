// See SparsePanels.h.

#include "dialects/Target/Cpu/SparsePanels.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace tenon::cpu {

/// Parts begin at lines of the caches.
static constexpr int64_t line = 64;

SparseForm::SparseForm(SparsePanelsAttr layout, RankedTensorType weights)
    : zeros(layout.getSkip().getZeros()), kept(layout.getSkip().getKept()) {
  PanelsAttr panels = layout.getPanels();
  ArrayRef<int64_t> packed = panels.getPackedType(weights).getShape();
  int64_t inner = panels.getInterleave() > 1 ? 3 : 2;
  lists = ShapedType::getNumElements(packed.drop_back(inner));
  rows = packed[packed.size() - inner];
  int64_t panelCount = packed[0] * packed[1];
  if (zeros == Zeros::Columns) {
    int64_t parts = llvm::divideCeil(rows, layout.getSkip().getDepth());
    rows = layout.getSkip().getDepth();
    lists = panelCount * parts * panels.getWidth();
  }
  panelLists = lists / panelCount;
  rowElements = panels.getWidth() * panels.getInterleave();
  elementBytes = weights.getElementTypeBitWidth() / 8;
}

int64_t SparseForm::maskBytes() const {
  return llvm::divideCeil(zeros == Zeros::Columns ? rows : rowElements, 8);
}

bool SparseForm::hasMasks() const {
  return zeros == Zeros::Columns && lists * maskBytes() <= lists + kept;
}

int64_t SparseForm::headBytes() const {
  switch (zeros) {
  case Zeros::Blocks:
    return 0;
  case Zeros::Single:
    return 8;
  case Zeros::Columns:
    return 4;
  }
  llvm_unreachable("no other zeros");
}

int64_t SparseForm::listBytes() const {
  switch (zeros) {
  case Zeros::Blocks:
    return 4;
  case Zeros::Single:
    return headBytes() + llvm::alignTo(rows * maskBytes(), 8);
  case Zeros::Columns:
    return hasMasks() ? maskBytes() : 1;
  }
  llvm_unreachable("no other zeros");
}

int64_t SparseForm::panelBytes() const {
  int64_t bytes = panelLists * listBytes();
  return zeros == Zeros::Columns ? headBytes() + llvm::alignTo(bytes, 4) : bytes;
}

int64_t SparseForm::listOffset(int64_t list) const {
  int64_t before = zeros == Zeros::Columns ? headBytes() : 0;
  return list / panelLists * panelBytes() + before + list % panelLists * listBytes();
}

int64_t SparseForm::rowBytes() const {
  switch (zeros) {
  case Zeros::Blocks:
    return rows <= (int64_t(1) << 16) ? 2 : 4;
  case Zeros::Columns:
    return hasMasks() ? 0 : 1;
  case Zeros::Single:
    return 0;
  }
  llvm_unreachable("no other zeros");
}

// Blocks have the end of the last list, too.
int64_t SparseForm::rowsOffset() const {
  int64_t end = zeros == Zeros::Blocks ? listBytes() : 0;
  return llvm::alignTo(lists / panelLists * panelBytes() + end, line);
}

int64_t SparseForm::valuesOffset() const {
  return rowsOffset() + llvm::alignTo(kept * rowBytes(), line);
}

int64_t SparseForm::bytes() const {
  int64_t elements = zeros == Zeros::Blocks ? kept * rowElements : kept;
  return llvm::alignTo(valuesOffset() + elements * elementBytes, line);
}

namespace {

/// Writes weights in their form.
class SparseWriter {
public:
  SparseWriter(const KnownWeights &weights, PanelsAttr panels, const SparseForm &form,
               MutableArrayRef<char> bytes)
      : weights(weights), panels(panels), form(form), bytes(bytes) {}

  /// Whether there is room for all that is not zero.
  bool write();

private:
  bool writePanel(int64_t output, int64_t outputEnd);
  bool writeColumns(int64_t output, int64_t outputEnd);
  bool writeColumn(int64_t first, int64_t column);
  bool writeRow(int64_t row, int64_t tap, int64_t output, int64_t outputEnd);
  bool writeBlock(int64_t row, ArrayRef<const char *> elements);
  bool writeSingle(int64_t row, ArrayRef<const char *> elements);
  /// Of rows: where the next list begins.
  void beginList() { writeNumber(form.listOffset(list++), kept, 4); }
  /// Its lowest bytes, which come first.
  void writeNumber(int64_t offset, int64_t number, int64_t width) {
    std::memcpy(bytes.data() + offset, &number, width);
  }
  void writeValue(int64_t number, const char *element) {
    std::memcpy(bytes.data() + form.valuesOffset() + number * form.elementBytes, element,
                form.elementBytes);
  }

  const KnownWeights &weights;
  PanelsAttr panels;
  SparseForm form;
  MutableArrayRef<char> bytes;
  /// Lists that have begun, and what was written.
  int64_t list = 0, kept = 0;
};

} // namespace

bool SparseWriter::write() {
  int64_t outputs = weights.getOutputs() / panels.getGroups();
  for (int64_t group = 0; group < panels.getGroups(); ++group)
    for (int64_t first = 0; first < outputs; first += panels.getWidth()) {
      int64_t output = group * outputs + first,
              end = group * outputs + std::min(first + panels.getWidth(), outputs);
      if (form.zeros == Zeros::Columns ? !writeColumns(output, end) : !writePanel(output, end))
        return false;
    }
  if (form.zeros == Zeros::Blocks)
    beginList();
  return true;
}

bool SparseWriter::writePanel(int64_t output, int64_t outputEnd) {
  for (int64_t tap = 0; tap < weights.getTaps(); ++tap) {
    beginList();
    for (int64_t row = 0; row < form.rows; ++row)
      if (!writeRow(row, tap, output, outputEnd))
        return false;
  }
  return true;
}

/// Outputs that do not exist have empty lists.
bool SparseWriter::writeColumns(int64_t output, int64_t outputEnd) {
  writeNumber(form.listOffset(list) - form.headBytes(), kept, form.headBytes());
  for (int64_t first = 0; first < weights.getInputs(); first += form.rows)
    for (int64_t column = output; column < output + panels.getWidth(); ++column, ++list)
      if (column < outputEnd && !writeColumn(first, column))
        return false;
  return true;
}

bool SparseWriter::writeColumn(int64_t first, int64_t column) {
  char *head = bytes.data() + form.listOffset(list);
  for (int64_t i = first; i < std::min(first + form.rows, weights.getInputs()); ++i) {
    if (weights.isZero(0, i, column))
      continue;
    if (kept == form.kept)
      return false;
    if (form.hasMasks()) {
      head[(i - first) / 8] |= static_cast<char>(1 << (i - first) % 8);
    } else {
      ++*head;
      bytes[form.rowsOffset() + kept] = static_cast<char>(i - first);
    }
    writeValue(kept++, weights.getElement(0, i, column));
  }
  return true;
}

/// A row of a panel: each output's neighbouring channels are neighbours.
bool SparseWriter::writeRow(int64_t row, int64_t tap, int64_t output, int64_t outputEnd) {
  SmallVector<const char *, 64> elements(form.rowElements, nullptr);
  int64_t interleave = panels.getInterleave(), first = row * interleave;
  bool isZero = true;
  for (int64_t o = output; o < outputEnd; ++o)
    for (int64_t i = first; i < std::min(first + interleave, weights.getInputs()); ++i)
      if (!weights.isZero(tap, i, o)) {
        elements[(o - output) * interleave + i - first] = weights.getElement(tap, i, o);
        isZero = false;
      }
  if (isZero)
    return true;
  return form.zeros == Zeros::Blocks ? writeBlock(row, elements) : writeSingle(row, elements);
}

bool SparseWriter::writeBlock(int64_t row, ArrayRef<const char *> elements) {
  if (kept == form.kept)
    return false;
  writeNumber(form.rowsOffset() + kept * form.rowBytes(), row, form.rowBytes());
  for (auto [number, element] : llvm::enumerate(elements))
    if (element)
      writeValue(kept * form.rowElements + number, element);
  ++kept;
  return true;
}

bool SparseWriter::writeSingle(int64_t row, ArrayRef<const char *> elements) {
  int64_t masks = form.listOffset(list - 1) + form.headBytes() + row * form.maskBytes();
  for (auto [number, element] : llvm::enumerate(elements)) {
    if (!element)
      continue;
    if (kept == form.kept)
      return false;
    bytes[masks + number / 8] |= static_cast<char>(1 << number % 8);
    writeValue(kept++, element);
  }
  return true;
}

RankedTensorType SparsePanelsAttr::getPackedType(RankedTensorType weights) const {
  PanelsAttr panels = getPanels();
  if (!panels.getPackedType(weights) || panels.getMergeTaps() || panels.getDepth() > 1 ||
      panels.getParts() > 1 ||
      !llvm::is_contained({8u, 16u, 32u, 64u}, weights.getElementTypeBitWidth()) ||
      panels.getWidth() * panels.getInterleave() % 8 != 0)
    return nullptr;
  // Columns of one kernel position.
  if (getSkip().getZeros() == Zeros::Columns &&
      (panels.getInterleave() > 1 ||
       ShapedType::getNumElements(weights.getShape().drop_back(2)) != 1))
    return nullptr;
  return RankedTensorType::get({SparseForm(*this, weights).bytes()},
                               IntegerType::get(getContext(), 8, IntegerType::Unsigned));
}

// Ops on tensors have results of sizes that do not depend on numbers, so this writes at once.
Value SparsePanelsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  std::optional<KnownWeights> known = KnownWeights::of(weights);
  if (!known)
    return nullptr;
  SparseForm form(*this, cast<RankedTensorType>(weights.getType()));
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(form.bytes(), line, /*dataIsMutable=*/true);
  MutableArrayRef<char> bytes = blob.getMutableData();
  std::fill(bytes.begin(), bytes.end(), 0);
  if (!SparseWriter(*known, getPanels(), form, bytes).write())
    return nullptr;
  auto type = getPackedType(cast<RankedTensorType>(weights.getType()));
  return ConstantOp::create(builder, loc, type,
                            DenseResourceElementsAttr::get(type, "sparse", std::move(blob)));
}

bool SparsePanelsAttr::canUnpack() const { return false; }

} // namespace tenon::cpu
