// Parses regular expressions: alternatives of sequences of repeated atoms, by recursive descent.

#include "lib/Support/RegexSyntax.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace tenon::regex {

namespace {

/// Groups inside of each other, as many as RE2 takes.
constexpr int maxDepth = 1000;

/// What (?imsU) sets, for the rest of the group.
struct Flags {
  bool ignoresCase = false, multiLine = false, dotIsAny = false;
};

using NodePtr = std::unique_ptr<Node>;

class Parser {
public:
  explicit Parser(llvm::StringRef pattern) : pattern(pattern), rest(pattern) {}

  llvm::Expected<NodePtr> parse();

private:
  // All give null, or false, after an error.
  NodePtr parseAlternatives();
  NodePtr parseSequence();
  NodePtr parseRepeated();
  NodePtr parseAtom();
  NodePtr parseBrace();
  NodePtr parseGroup();
  NodePtr parseFlags();
  NodePtr parseEscape();
  NodePtr parseClass();
  bool parseClassItem(CodePoints &set);
  bool parseNamedClass(CodePoints &set, bool &isNamed);
  std::optional<CodePoints> parseEscapedClass();
  std::optional<int32_t> parseEscapedPoint();
  std::optional<int32_t> parseHex();
  std::optional<CodePoints> parseCategory();
  bool parseBounds(int &least, int &most, bool &isRepeat);
  std::optional<int32_t> takePoint();

  NodePtr makeSet(const CodePoints &set) {
    auto node = std::make_unique<Node>();
    node->kind = Node::Set;
    node->set = flags.ignoresCase ? set.ignoringCase() : set;
    return node;
  }
  static NodePtr makeAssert(Place place) {
    auto node = std::make_unique<Node>();
    node->kind = Node::Assert;
    node->place = place;
    return node;
  }
  std::nullptr_t fail(const llvm::Twine &reason) {
    if (error.empty())
      error = (reason + " at '" + rest.take_front(16) + "'").str();
    return nullptr;
  }

  llvm::StringRef pattern, rest;
  Flags flags;
  /// Between \Q and \E, where all is text.
  bool isQuoted = false;
  int depth = 0;
  std::string error;
};

} // namespace

llvm::Expected<NodePtr> Parser::parse() {
  NodePtr node = parseAlternatives();
  if (node && !rest.empty())
    node = fail("a parenthesis is closed that was not opened");
  if (node)
    return node;
  return llvm::createStringError("'" + pattern + "' is no regular expression: " + error);
}

std::optional<int32_t> Parser::takePoint() {
  std::optional<int32_t> point = takeCodePoint(rest);
  if (!point)
    fail(rest.empty() ? "it ends too early" : "it is not valid UTF-8");
  return point;
}

NodePtr Parser::parseAlternatives() {
  auto node = std::make_unique<Node>();
  node->kind = Node::Alternate;
  do {
    node->children.push_back(parseSequence());
    if (!node->children.back())
      return nullptr;
  } while (rest.consume_front("|"));
  return node->children.size() == 1 ? std::move(node->children.front()) : std::move(node);
}

NodePtr Parser::parseSequence() {
  auto node = std::make_unique<Node>();
  for (;;) {
    if (rest.consume_front(isQuoted ? "\\E" : "\\Q")) {
      isQuoted = !isQuoted;
      continue;
    }
    if (rest.empty() || (!isQuoted && (rest.front() == '|' || rest.front() == ')')))
      break;
    node->children.push_back(parseRepeated());
    if (!node->children.back())
      return nullptr;
  }
  return node;
}

/// {n}, {n,} or {n,m}; anything else is text.
bool Parser::parseBounds(int &least, int &most, bool &isRepeat) {
  llvm::StringRef text = rest;
  unsigned low = 0, high = 0;
  isRepeat = false;
  if (!text.consume_front("{") || text.consumeInteger(10, low))
    return true;
  bool isOpen = false;
  high = low;
  if (text.consume_front(",")) {
    isOpen = text.starts_with("}");
    if (!isOpen && text.consumeInteger(10, high))
      return true;
  }
  if (!text.consume_front("}"))
    return true;
  if (low > kMostRepetitions || high > kMostRepetitions || high < low) {
    fail("a number of repetitions is beyond 1000, or below the one before it,");
    return false;
  }
  isRepeat = true;
  least = static_cast<int>(low);
  most = isOpen ? -1 : static_cast<int>(high);
  rest = text;
  return true;
}

NodePtr Parser::parseRepeated() {
  NodePtr node = parseAtom();
  if (isQuoted && rest.consume_front("\\E"))
    isQuoted = false;
  for (bool isFirst = true; node && !isQuoted && !rest.empty(); isFirst = false) {
    int least = 0, most = -1;
    bool isRepeat = true;
    llvm::StringRef before = rest;
    if (rest.consume_front("+"))
      least = 1;
    else if (rest.consume_front("?"))
      most = 1;
    else if (!rest.consume_front("*") && !parseBounds(least, most, isRepeat))
      return nullptr;
    if (!isRepeat)
      break;
    if (!isFirst) {
      rest = before;
      return fail("what is repeated is repeated again");
    }
    rest.consume_front("?"); // as few as possible: the same texts match
    auto repeat = std::make_unique<Node>();
    repeat->kind = Node::Repeat;
    repeat->least = least;
    repeat->most = most;
    repeat->children.push_back(std::move(node));
    node = std::move(repeat);
  }
  return node;
}

NodePtr Parser::parseAtom() {
  switch (isQuoted ? 'a' : rest.front()) {
  case '(':
    return parseGroup();
  case '[':
    return parseClass();
  case '\\':
    return parseEscape();
  case '*':
  case '+':
  case '?':
    return fail("nothing is repeated");
  case '{':
    return parseBrace();
  case '.':
    rest = rest.drop_front();
    return makeSet(flags.dotIsAny ? CodePoints{{0, kLastCodePoint}}
                                  : CodePoints{{'\n', '\n'}}.complement());
  case '^':
    rest = rest.drop_front();
    return makeAssert(flags.multiLine ? LineBegin : TextBegin);
  case '$':
    rest = rest.drop_front();
    return makeAssert(flags.multiLine ? LineEnd : TextEnd);
  default:
    std::optional<int32_t> point = takePoint();
    return point ? makeSet({{*point, *point}}) : nullptr;
  }
}

/// A brace is text unless it begins a number of repetitions.
NodePtr Parser::parseBrace() {
  llvm::StringRef before = rest;
  int least = 0, most = 0;
  bool isRepeat = false;
  if (!parseBounds(least, most, isRepeat))
    return nullptr;
  if (isRepeat) {
    rest = before;
    return fail("nothing is repeated");
  }
  rest = rest.drop_front();
  return makeSet({{'{', '{'}});
}

NodePtr Parser::parseGroup() {
  if (++depth > maxDepth)
    return fail("more than 1000 groups are inside of each other");
  Flags outer = flags;
  rest.consume_front("(");
  bool isNamed = rest.consume_front("?P<") || rest.consume_front("?<");
  if (isNamed) {
    llvm::StringRef name = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    rest = rest.drop_front(name.size());
    if (name.empty() || !rest.consume_front(">"))
      return fail("a group has no proper name");
  } else if (rest.consume_front("?")) {
    NodePtr done = parseFlags();
    if (!done || rest.consume_front(")")) {
      --depth;
      return done; // the flags stay
    }
    if (!rest.consume_front(":"))
      return fail("a group has unknown flags");
  }
  NodePtr node = parseAlternatives();
  if (node && !rest.consume_front(")"))
    return fail("a parenthesis is not closed");
  flags = outer;
  --depth;
  return node;
}

/// "i", "s-m": which stand before a colon or a parenthesis.
NodePtr Parser::parseFlags() {
  bool value = true, any = false;
  while (!rest.empty() && rest.front() != ')' && rest.front() != ':') {
    char flag = rest.front();
    if (flag == 'i')
      flags.ignoresCase = value;
    else if (flag == 'm')
      flags.multiLine = value;
    else if (flag == 's')
      flags.dotIsAny = value;
    else if (flag == '-' && value)
      value = false;
    else if (flag != 'U')
      return fail("a group has unknown flags");
    any = flag != '-';
    rest = rest.drop_front();
  }
  if (!any && !(value && rest.starts_with(":")))
    return fail("a group has no flags");
  return std::make_unique<Node>();
}

NodePtr Parser::parseEscape() {
  auto place = llvm::StringSwitch<std::optional<Place>>(rest.take_front(2))
                   .Case("\\A", TextBegin)
                   .Case("\\z", TextEnd)
                   .Case("\\b", WordBoundary)
                   .Case("\\B", NoWordBoundary)
                   .Default(std::nullopt);
  if (place) {
    rest = rest.drop_front(2);
    return makeAssert(*place);
  }
  if (std::optional<CodePoints> set = parseEscapedClass())
    return makeSet(*set);
  if (!error.empty())
    return nullptr;
  std::optional<int32_t> point = parseEscapedPoint();
  return point ? makeSet({{*point, *point}}) : nullptr;
}

/// \d and the like; nullopt without an error for others.
std::optional<CodePoints> Parser::parseEscapedClass() {
  if (rest.starts_with("\\p") || rest.starts_with("\\P"))
    return parseCategory();
  if (rest.size() < 2)
    return std::nullopt;
  char kind = rest[1];
  const char *ranges = llvm::StringSwitch<const char *>(llvm::StringRef(&kind, 1).lower())
                           .Case("d", "09")
                           .Case("s", "\t\n\f\r  ")
                           .Case("w", "09AZaz__")
                           .Default(nullptr);
  if (!ranges)
    return std::nullopt;
  rest = rest.drop_front(2);
  CodePoints set = CodePoints::ofRanges(ranges);
  return llvm::isUpper(kind) ? set.complement() : set;
}

/// \pL, \p{Lu}, \p{^Lu}, \PL
std::optional<CodePoints> Parser::parseCategory() {
  llvm::StringRef begin = rest;
  bool isNegative = rest[1] == 'P';
  rest = rest.drop_front(2);
  llvm::StringRef name = rest.take_front(1);
  if (rest.consume_front("{")) {
    name = rest.take_until([](char c) { return c == '}'; });
    rest = rest.drop_front(name.size());
    if (!rest.consume_front("}"))
      return fail("a brace is not closed"), std::nullopt;
    isNegative ^= name.consume_front("^");
  } else {
    rest = rest.drop_front(name.size());
  }
  std::optional<CodePoints> set = getCategory(name);
  if (!set) {
    rest = begin;
    return fail("'" + name + "' is no general category of Unicode"), std::nullopt;
  }
  return isNegative ? set->complement() : *set;
}

/// Up to two digits, or any number in braces.
std::optional<int32_t> Parser::parseHex() {
  bool isLong = rest.consume_front("{");
  llvm::StringRef digits =
      isLong ? rest.take_until([](char c) { return c == '}'; }) : rest.take_front(2);
  int32_t point = 0;
  bool isGood = !digits.getAsInteger(16, point) && point <= kLastCodePoint && point >= 0;
  if (isGood) {
    rest = rest.drop_front(digits.size());
    isGood = !isLong || rest.consume_front("}");
  }
  if (!isGood)
    return fail("a code point is not as it should be"), std::nullopt;
  return point;
}

std::optional<int32_t> Parser::parseEscapedPoint() {
  llvm::StringRef begin = rest;
  rest.consume_front("\\");
  if (rest.empty())
    return fail("it ends in a backslash"), std::nullopt;
  char kind = rest.front();
  bool isOctal = kind == '0' || (kind >= '1' && kind <= '7' && rest.size() > 1 && rest[1] >= '0' &&
                                 rest[1] <= '7');
  if (isOctal) {
    llvm::StringRef digits =
        rest.take_front(3).take_while([](char c) { return c >= '0' && c <= '7'; });
    int32_t point = 0;
    rest = rest.drop_front(digits.size());
    digits.getAsInteger(8, point);
    return point;
  }
  rest = rest.drop_front();
  if (kind == 'x')
    return parseHex();
  auto control = llvm::StringSwitch<int32_t>(llvm::StringRef(&kind, 1))
                     .Case("a", '\a')
                     .Case("f", '\f')
                     .Case("n", '\n')
                     .Case("r", '\r')
                     .Case("t", '\t')
                     .Case("v", '\v')
                     .Default(-1);
  if (control >= 0)
    return control;
  if (static_cast<unsigned char>(kind) < 0x80 && !llvm::isAlnum(kind))
    return kind;
  rest = begin;
  return fail("an escape is unknown"), std::nullopt;
}

/// [:alpha:], [:^alpha:]
bool Parser::parseNamedClass(CodePoints &set, bool &isNamed) {
  size_t end = rest.find(":]");
  isNamed = rest.starts_with("[:") && end != llvm::StringRef::npos;
  if (!isNamed)
    return true;
  llvm::StringRef name = rest.slice(2, end);
  bool isNegative = name.consume_front("^");
  const char *ranges = llvm::StringSwitch<const char *>(name)
                           .Case("alnum", "09AZaz")
                           .Case("alpha", "AZaz")
                           .Case("blank", "\t\t  ")
                           .Case("digit", "09")
                           .Case("graph", "!~")
                           .Case("lower", "az")
                           .Case("print", " ~")
                           .Case("punct", "!/:@[`{~")
                           .Case("space", "\t\r  ")
                           .Case("upper", "AZ")
                           .Case("word", "09AZaz__")
                           .Case("xdigit", "09AFaf")
                           .Default(nullptr);
  CodePoints named = ranges ? CodePoints::ofRanges(ranges) : CodePoints();
  if (name == "ascii")
    named.add(0, 0x7f);
  else if (name == "cntrl")
    named = {{0, 0x1f}, {0x7f, 0x7f}};
  else if (!ranges)
    return fail("a class has no known name"), false;
  rest = rest.drop_front(end + 2);
  set.add(isNegative ? named.complement() : named);
  return true;
}

/// One code point, a range, or a class inside of brackets.
bool Parser::parseClassItem(CodePoints &set) {
  bool isNamed = false;
  if (!parseNamedClass(set, isNamed))
    return false;
  if (isNamed)
    return true;
  auto takeEnd = [&]() -> std::optional<int32_t> {
    return rest.starts_with("\\") ? parseEscapedPoint() : takePoint();
  };
  if (rest.starts_with("\\")) {
    std::optional<CodePoints> escaped = parseEscapedClass();
    if (escaped)
      set.add(*escaped);
    if (escaped || !error.empty())
      return escaped.has_value();
  }
  std::optional<int32_t> first = takeEnd(), last = first;
  bool isRange = rest.size() > 1 && rest[0] == '-' && rest[1] != ']';
  if (first && isRange) {
    rest = rest.drop_front();
    last = takeEnd();
  }
  if (!first || !last)
    return false;
  if (*last < *first)
    return fail("a range ends before it begins"), false;
  set.add(*first, *last);
  return true;
}

NodePtr Parser::parseClass() {
  rest.consume_front("[");
  bool isNegative = rest.consume_front("^");
  CodePoints set;
  for (bool isFirst = true; isFirst || !rest.starts_with("]"); isFirst = false) {
    if (rest.empty())
      return fail("a bracket is not closed");
    if (!parseClassItem(set))
      return nullptr;
  }
  rest.consume_front("]");
  NodePtr node = makeSet(set);
  if (isNegative)
    node->set = node->set.complement();
  return node;
}

llvm::Expected<std::unique_ptr<Node>> parseRegex(llvm::StringRef pattern) {
  return Parser(pattern).parse();
}

} // namespace tenon::regex
