// Regular expressions to programs (see the header): instructions in the order of the expression,
// then the ranges of its sets, each once.

#include "lib/Support/Regex.h"
#include "lib/Support/RegexSyntax.h"
#include <map>

namespace tenon {

using namespace regex;

namespace {

class Compiler {
public:
  /// Fails for programs that are too large.
  llvm::Expected<std::vector<Row>> compile(const Node &node);

private:
  /// Nested repetitions multiply; no honest program comes near this.
  static constexpr size_t maxRows = 1 << 16;

  void emit(const Node &node);
  void emitAlternatives(const Node &node);
  void emitRepeat(const Node &node);
  void addSets();

  int32_t next() const { return static_cast<int32_t>(rows.size()); }
  size_t add(Row row) {
    rows.push_back(row);
    return rows.size() - 1;
  }

  std::vector<Row> rows;
  /// Numbers of sets by their ranges, which are rows behind the instructions in the end.
  std::map<std::vector<CodePoints::Range>, int32_t> sets;
};

} // namespace

void Compiler::emitAlternatives(const Node &node) {
  std::vector<size_t> jumps;
  for (const auto &child : node.children) {
    bool isLast = &child == &node.children.back();
    size_t split = isLast ? 0 : add({Split, next() + 1, 0});
    emit(*child);
    if (isLast)
      continue;
    jumps.push_back(add({Jump, 0, 0}));
    rows[split].y = next();
  }
  for (size_t jump : jumps)
    rows[jump].x = next();
}

void Compiler::emitRepeat(const Node &node) {
  const Node &child = *node.children.front();
  for (int i = 0; i < node.least && rows.size() <= maxRows; ++i)
    emit(child);
  if (node.most < 0) {
    size_t split = add({Split, next() + 1, 0});
    emit(child);
    add({Jump, static_cast<int32_t>(split), 0});
    rows[split].y = next();
    return;
  }
  std::vector<size_t> splits;
  for (int i = node.least; i < node.most && rows.size() <= maxRows; ++i) {
    splits.push_back(add({Split, next() + 1, 0}));
    emit(child);
  }
  for (size_t split : splits)
    rows[split].y = next();
}

void Compiler::emit(const Node &node) {
  if (rows.size() > maxRows)
    return;
  switch (node.kind) {
  case Node::Set: {
    auto [entry, isNew] = sets.try_emplace(node.set.getRanges(), static_cast<int32_t>(sets.size()));
    add({Set, entry->second, 0});
    break;
  }
  case Node::Assert:
    add({Assert, node.place, 0});
    break;
  case Node::Concat:
    for (const auto &child : node.children)
      emit(*child);
    break;
  case Node::Alternate:
    emitAlternatives(node);
    break;
  case Node::Repeat:
    emitRepeat(node);
    break;
  }
}

/// Behind the instructions, and what refers to them.
void Compiler::addSets() {
  size_t numInstructions = rows.size();
  std::vector<std::pair<int32_t, int32_t>> places(sets.size());
  for (const auto &[ranges, number] : sets) {
    places[number] = {next(), static_cast<int32_t>(ranges.size())};
    for (const CodePoints::Range &range : ranges)
      add({range.first, range.second, 0});
  }
  for (Row &row : llvm::MutableArrayRef(rows).take_front(numInstructions))
    if (row.op == Set)
      row = {Set, places[row.x].first, places[row.x].second};
}

llvm::Expected<std::vector<Row>> Compiler::compile(const Node &node) {
  emit(node);
  add({Match, 0, 0});
  if (rows.size() > maxRows)
    return llvm::createStringError(
        "it has more than 65536 steps once its repetitions are written out");
  addSets();
  return std::move(rows);
}

llvm::Expected<std::vector<Row>> compileRegex(llvm::StringRef pattern) {
  llvm::Expected<std::unique_ptr<Node>> node = parseRegex(pattern);
  if (!node)
    return node.takeError();
  llvm::Expected<std::vector<Row>> program = Compiler().compile(**node);
  if (!program)
    return llvm::createStringError("regular expression '" + pattern +
                                   "': " + llvm::toString(program.takeError()));
  return program;
}

} // namespace tenon
