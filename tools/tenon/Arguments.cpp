// Command line arguments of one subcommand (see the header).

#include "tools/tenon/Arguments.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::cli {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<Arguments> Arguments::parse(llvm::ArrayRef<const char *> arguments,
                                           llvm::ArrayRef<Option> options) {
  Arguments result;
  bool onlyPositional = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    llvm::StringRef argument = arguments[i];
    if (onlyPositional || !argument.starts_with("-") || argument == "-") {
      result.rest.push_back(argument.str());
      continue;
    }
    if (argument == "--") {
      onlyPositional = true;
      continue;
    }
    auto [name, value] = argument.split('=');
    const Option *option = llvm::find_if(options, [&](const Option &o) { return o.name == name; });
    if (option == options.end())
      return makeError("unknown option '" + name + "'");
    bool hasValue = name.size() != argument.size();
    if (!option->takesValue && hasValue)
      return makeError("option '" + name + "' takes no value");
    if (option->takesValue && !hasValue) {
      if (i + 1 == arguments.size())
        return makeError("option '" + name + "' needs a value");
      value = arguments[++i];
    }
    result.values[name].push_back(value.str());
  }
  return result;
}

std::string Arguments::get(llvm::StringRef name, llvm::StringRef fallback) const {
  auto found = values.find(name);
  return found == values.end() ? fallback.str() : found->second.back();
}

std::vector<std::string> Arguments::all(llvm::StringRef name) const {
  auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

llvm::Expected<int64_t> Arguments::number(llvm::StringRef name, int64_t fallback,
                                          int64_t minimum) const {
  if (!has(name))
    return fallback;
  int64_t value;
  std::string text = get(name);
  if (llvm::StringRef(text).getAsInteger(10, value) || value < minimum)
    return makeError("option '" + name + "' needs a number of at least " + llvm::Twine(minimum) +
                     ", got '" + text + "'");
  return value;
}

llvm::Expected<std::vector<int64_t>>
Arguments::numbers(llvm::StringRef name, llvm::StringRef fallback, int64_t minimum) const {
  std::string text = get(name, fallback);
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(text).split(parts, ',');
  std::vector<int64_t> values;
  for (llvm::StringRef part : parts)
    if (part.getAsInteger(10, values.emplace_back()) || values.back() < minimum)
      return makeError("option '" + name + "' needs numbers of at least " + llvm::Twine(minimum) +
                       ", separated by commas, got '" + text + "'");
  return values;
}

/// Where the help begins and ends on a line of a terminal.
static constexpr size_t helpColumn = 28, lineWidth = 100;

std::string formatHelp(llvm::StringRef usage, llvm::ArrayRef<Option> options) {
  std::string text = usage.str();
  for (const Option &option : options) {
    std::string line = "  " + option.name.str();
    llvm::StringRef help = option.help;
    if (option.takesValue) {
      auto [value, description] = help.split(' ');
      line += " " + value.str();
      help = description;
    }
    line.resize(std::max(line.size() + 1, helpColumn - 1), ' ');
    while (!help.empty()) {
      auto [word, rest] = help.split(' ');
      if (line.size() + 1 + word.size() > lineWidth) {
        text += line + "\n";
        line.assign(helpColumn - 1, ' ');
      }
      line += " " + word.str();
      help = rest;
    }
    text += line + "\n";
  }
  return text;
}

} // namespace tenon::cli
