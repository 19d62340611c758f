#include "emit/rtl_library.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "base/diagnostic.h"
#include "emit/embedded_rtl.h"

namespace qloom::emit {
namespace {

// Names of the library that stand in the source, comments left out. Every module is called
// ql_something.
std::set<std::string> mentioned_modules(std::string_view text) {
    std::set<std::string> names;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        line = line.substr(0, line.find("//"));
        for (auto at = line.find("ql_"); at != std::string_view::npos;
             at = line.find("ql_", at + 1)) {
            auto stop = at;
            while (
                stop < line.size() &&
                (std::isalnum(static_cast<unsigned char>(line[stop])) != 0 || line[stop] == '_')) {
                ++stop;
            }
            names.emplace(line.substr(at, stop - at));
        }
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return names;
}

class Collector {
public:
    Collector() {
        for (const EmbeddedFile& file : embedded_rtl()) {
            library_.emplace(std::string(file.name.substr(0, file.name.rfind('.'))), file);
        }
    }

    void add(const std::string& module) {
        const auto found = library_.find(module);
        if (found == library_.end() || !added_.insert(module).second) return;
        for (const std::string& needed : mentioned_modules(found->second.text)) add(needed);
        files_.push_back(found->second);
    }

    [[nodiscard]] bool has(const std::string& module) const { return library_.contains(module); }
    [[nodiscard]] const std::vector<EmbeddedFile>& files() const { return files_; }

private:
    std::map<std::string, EmbeddedFile> library_;
    std::set<std::string> added_;
    std::vector<EmbeddedFile> files_;
};

}  // namespace

std::vector<EmbeddedFile> library_files(const std::set<std::string>& modules) {
    Collector collector;
    for (const std::string& module : modules) {
        QLOOM_ASSERT(collector.has(module), "the library has the module");
        collector.add(module);
    }
    return collector.files();
}

}  // namespace qloom::emit
