// The operator registry (see the header).

#include "lib/Importer/OpRegistry.h"
#include "lib/Importer/Ops/Ops.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/ErrorHandling.h"

using namespace llvm;

namespace tenon {

static std::string makeKey(StringRef domain, StringRef name) { return (domain + ":" + name).str(); }

void OpRegistry::add(StringRef domain, StringRef name, int64_t sinceVersion, Arity inputs,
                     ImportFunction import) {
  std::string key = makeKey(domain, name);
  // Which of two entries counts would depend on the order of families: no build may go on.
  if (!entries[key].try_emplace(sinceVersion, OpEntry{inputs, import}).second)
    reportFatalInternalError(Twine("operator ") + key + " of version " + Twine(sinceVersion) +
                             " is registered twice");
}

const OpEntry *OpRegistry::find(StringRef domain, StringRef name, int64_t version) const {
  auto versions = entries.find(makeKey(domain, name));
  if (versions == entries.end())
    return nullptr;
  auto entry = versions->second.lower_bound(version);
  return entry == versions->second.end() ? nullptr : &entry->second;
}

std::optional<int64_t> OpRegistry::firstVersion(StringRef domain, StringRef name) const {
  auto versions = entries.find(makeKey(domain, name));
  if (versions == entries.end())
    return std::nullopt;
  return versions->second.rbegin()->first;
}

void OpRegistry::forEach(
    function_ref<void(StringRef domain, StringRef name, int64_t version)> visit) const {
  SmallVector<std::tuple<StringRef, StringRef, int64_t>> sorted;
  for (const auto &entry : entries)
    for (int64_t version : make_first_range(entry.second)) {
      auto [domain, name] = entry.first().split(':');
      sorted.emplace_back(domain, name, version);
    }
  sort(sorted);
  for (auto &[domain, name, version] : sorted)
    visit(domain, name, version);
}

const OpRegistry &OpRegistry::all() {
  static const OpRegistry registry = [] {
    OpRegistry registry;
    registerAllOps(registry);
    return registry;
  }();
  return registry;
}

} // namespace tenon
