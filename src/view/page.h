#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/codes/view.h"

namespace qloom::view {

// The page as viewer/ builds it: one HTML file with its scripts and styles inside. Empty when the
// program was built where npm, or what it fetches, was missing.
std::string_view page();

// The page, or code::kPageMissing when it is empty.
std::string_view required_page(std::string_view page);

// The page with a view document inside: opens without a server, asks nobody for anything. Empty
// when page() is.
std::string report_html(const nlohmann::ordered_json& view_data);

// `page` with the document in the place kept for it. What could end the script element is written
// as \u003c.
std::string page_with_data(std::string_view page, const nlohmann::ordered_json& view_data);

}  // namespace qloom::view
