#include "view/page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hw/error_of.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

const std::string kPage =
    "<p>x</p><script id=\"view-data\" type=\"application/json\">null</script><script>code</script>";

TEST(Page, DataStandInTheirPlaceAndComeBack) {
    const Json data{{"name", "</script><script>alert(1)</script> <!-- \u00e9"}, {"n", 1}};
    const std::string html = page_with_data(kPage, data);
    const std::string open = "type=\"application/json\">";
    const std::size_t begin = html.find(open) + open.size();
    const std::size_t end = html.find("</script>", begin);
    const std::string inside = html.substr(begin, end - begin);
    EXPECT_EQ(inside.find('<'), std::string::npos);
    EXPECT_EQ(Json::parse(inside), data);
    EXPECT_EQ(html.substr(end), "</script><script>code</script>");
}

TEST(Page, BytesThatAreNoUtf8DoNotStopIt) {
    const std::string html = page_with_data(kPage, Json{{"name", "\xff"}});
    EXPECT_NE(html.find("\xef\xbf\xbd"), std::string::npos);  // the replacement character
}

TEST(Page, MissingPageIsSaid) {
    EXPECT_EQ(testing::error_of([] { (void)required_page(""); }),
              "Q1300: this program was built without its page: npm was missing, or could fetch no "
              "packages; install nodejs and npm, "
              "remove the folder viewer/ of the build, and build again; `--json` prints the data");
    EXPECT_EQ(required_page(kPage), kPage);
}

TEST(Page, BuiltPageIsOneFile) {
    if (page().empty()) GTEST_SKIP() << "built without npm";
    const std::string_view html = page();
    EXPECT_EQ(html.find("src=\"/"), std::string_view::npos);
    EXPECT_EQ(html.find("src=\"./"), std::string_view::npos);
    EXPECT_EQ(html.find("<link rel=\"stylesheet\""), std::string_view::npos);
    EXPECT_LT(html.size(), 400U << 10U);
    EXPECT_FALSE(report_html(Json{{"a", 1}}).empty());
}

}  // namespace
}  // namespace qloom::view
