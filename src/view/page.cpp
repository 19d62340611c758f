#include "view/page.h"

#include <nlohmann/json.hpp>

#include "base/diagnostic.h"
#include "view/embedded_page.h"

namespace qloom::view {
namespace {

constexpr std::string_view kPlace =
    "<script id=\"view-data\" type=\"application/json\">null</script>";
constexpr std::string_view kOpen = "<script id=\"view-data\" type=\"application/json\">";
constexpr std::string_view kClose = "</script>";

}  // namespace

std::string_view page() {
    return embedded_page().empty() ? std::string_view{} : embedded_page().front().text;
}

std::string_view required_page(std::string_view page) {
    if (page.empty()) {
        throw Error(
            code::kPageMissing, "",
            "this program was built without its page: npm was missing, or could fetch no packages",
            "install nodejs and npm, remove the folder viewer/ of the build, and build again; "
            "`--json` prints the data");
    }
    return page;
}

std::string report_html(const nlohmann::ordered_json& view_data) {
    return page().empty() ? std::string{} : page_with_data(page(), view_data);
}

std::string page_with_data(std::string_view page, const nlohmann::ordered_json& view_data) {
    const std::size_t at = page.find(kPlace);
    QLOOM_ASSERT(at != std::string_view::npos, "the page keeps a place for its data");
    const std::string json =
        view_data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::string html(page.substr(0, at));
    html.reserve(page.size() + json.size());
    html += kOpen;
    for (const char c : json) {
        if (c == '<') {
            html += "\\u003c";
        } else {
            html += c;
        }
    }
    html += kClose;
    html += page.substr(at + kPlace.size());
    return html;
}

}  // namespace qloom::view
