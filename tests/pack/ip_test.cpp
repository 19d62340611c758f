// The IP of the catalogue: its description against the schema, its ports against the RTL, its
// interfaces against a table.

#include "pack/ip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "base/process.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "pack/packaged_network.h"

namespace qloom::pack {
namespace {

namespace fs = std::filesystem;
using qloom::testing::Kind;
using qloom::testing::packaged_network;
using qloom::testing::PackagedNetwork;
using ::testing::HasSubstr;

std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Every match of a pattern with one or more groups.
std::vector<std::smatch> all_of(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern);
    return {std::sregex_iterator(text.begin(), text.end(), regex), {}};
}

struct PortFact {
    std::string direction;
    int width = 1;
    friend bool operator==(const PortFact&, const PortFact&) = default;
    friend std::ostream& operator<<(std::ostream& out, const PortFact& fact) {
        return out << fact.direction << " " << fact.width;
    }
};
using Ports = std::map<std::string, PortFact>;

Ports described_ports(const std::string& xml) {
    Ports ports;
    for (const std::smatch& port : all_of(xml, "<spirit:port>([^]*?)</spirit:port>")) {
        const std::string body = port[1];
        std::smatch name, direction, left;
        std::regex_search(body, name, std::regex("<spirit:name>([^<]*)"));
        std::regex_search(body, direction, std::regex("<spirit:direction>([^<]*)"));
        const bool is_vector =
            std::regex_search(body, left, std::regex("<spirit:left[^>]*>([0-9]+)"));
        ports[name[1]] = {direction[1], is_vector ? std::stoi(left[1]) + 1 : 1};
    }
    return ports;
}

// The ports of the top as Verilator reads the sources.
Ports rtl_ports(const fs::path& sources, const std::vector<std::string>& files,
                const std::string& top) {
    std::vector<std::string> command{"verilator", "--xml-only",   "--xml-output",
                                     "top.xml",   "-Wno-fatal",   "-Wno-lint",
                                     "-sv",       "--top-module", top};
    command.insert(command.end(), files.begin(), files.end());
    check_tool(command, {.working_directory = sources});
    const std::string xml = read(sources / "top.xml");
    std::map<std::string, int> widths;
    for (const std::smatch& type : all_of(xml, "<basicdtype [^>]*?id=\"([0-9]+)\"([^>]*)/>")) {
        const std::string rest = type[2];
        std::smatch left;
        widths[type[1]] = std::regex_search(rest, left, std::regex("left=\"([0-9]+)\""))
                              ? std::stoi(left[1]) + 1
                              : 1;
    }
    Ports ports;
    const auto begin = xml.find("<module ");
    const std::string module = xml.substr(begin, xml.find("</module>", begin) - begin);
    for (const std::smatch& var : all_of(module, "<var ([^>]*dir=\"(input|output)\"[^>]*)>")) {
        const std::string attributes = var[1];
        std::smatch name, type;
        std::regex_search(attributes, name, std::regex("name=\"([^\"]*)\""));
        std::regex_search(attributes, type, std::regex("dtype_id=\"([0-9]+)\""));
        ports[name[1]] = {var[2] == "input" ? "in" : "out", widths.at(type[1])};
    }
    return ports;
}

// Problems of the bus interfaces by what the protocols demand: which logical names there are and
// must be, in which direction.
std::vector<std::string> interface_problems(const std::string& xml) {
    const std::map<std::string, std::set<std::string>> needed{
        {"axis", {"TDATA", "TVALID", "TREADY"}}, {"clock", {"CLK"}}, {"reset", {"RST"}}};
    const std::map<std::string, std::set<std::string>> optional{
        {"axis", {"TKEEP", "TLAST"}}, {"clock", {}}, {"reset", {}}};
    const Ports ports = described_ports(xml);
    std::vector<std::string> problems;
    std::set<std::string> mapped;
    std::set<std::string> streams;
    std::string associated;
    for (const std::smatch& interface :
         all_of(xml, "<spirit:busInterface>([^]*?)</spirit:busInterface>")) {
        const std::string body = interface[1];
        std::smatch name, type, reset;
        std::regex_search(body, name, std::regex("<spirit:name>([^<]*)"));
        std::regex_search(body, type, std::regex("<spirit:busType[^>]*spirit:name=\"([a-z]*)\""));
        const bool is_slave = body.find("<spirit:slave/>") != std::string::npos;
        std::set<std::string> seen;
        int data_bits = 0;
        for (const std::smatch& map :
             all_of(body,
                    "<spirit:logicalPort>\\s*<spirit:name>([^<]*)[^]*?<spirit:physicalPort>"
                    "\\s*<spirit:name>([^<]*)")) {
            const std::string logical = map[1], physical = map[2];
            seen.insert(logical);
            if (!mapped.insert(physical).second) problems.push_back(physical + " is mapped twice");
            if (!needed.at(type[1]).contains(logical) && !optional.at(type[1]).contains(logical)) {
                problems.push_back(name[1].str() + ": " + type[1].str() + " has no " + logical);
            }
            if (!ports.contains(physical)) {
                problems.push_back(name[1].str() + ": there is no port " + physical);
                continue;
            }
            const bool should_be_input = is_slave != (logical == "TREADY");
            if ((ports.at(physical).direction == "in") != should_be_input)
                problems.push_back(physical + " points the wrong way");
            if (logical == "TDATA") data_bits = ports.at(physical).width;
            if (logical == "TKEEP" && ports.at(physical).width * 8 != data_bits)
                problems.push_back(physical + " has a wrong width");
        }
        for (const std::string& logical : needed.at(type[1])) {
            if (!seen.contains(logical)) problems.push_back(name[1].str() + " lacks " + logical);
        }
        const auto parameter = [&](const std::string& key) {
            std::smatch value;
            const std::regex pattern("<spirit:name>" + key +
                                     "</spirit:name>\\s*<spirit:value[^>]*>([^<]*)");
            return std::regex_search(body, value, pattern) ? value[1].str()
                                                           : std::string("missing");
        };
        if (type[1] == "axis") {
            streams.insert(name[1]);
            if (parameter("TDATA_NUM_BYTES") != std::to_string(data_bits / 8))
                problems.push_back(name[1].str() + ": TDATA_NUM_BYTES");
            for (const char* signal : {"TKEEP", "TLAST"}) {
                if (parameter(std::string("HAS_") + signal) !=
                    (seen.contains(signal) ? "1" : "0")) {
                    problems.push_back(name[1].str() + ": HAS_" + signal);
                }
            }
        } else if (type[1] == "reset") {
            if (parameter("POLARITY") != "ACTIVE_LOW")
                problems.push_back("the polarity of the reset");
        } else {
            associated = parameter("ASSOCIATED_BUSIF");
            if (parameter("ASSOCIATED_RESET") != "ap_rst_n")
                problems.push_back("the clock's reset");
        }
    }
    std::set<std::string> named;
    for (const std::smatch& part : all_of(associated, "[^:]+")) named.insert(part[0]);
    if (named != streams) problems.push_back("ASSOCIATED_BUSIF is " + associated);
    for (const auto& [name, fact] : ports) {
        if (!mapped.contains(name)) problems.push_back(name + " belongs to no interface");
    }
    return problems;
}

// A copy of the schema that a developer has: QLOOM_SCHEMAS names the folder, or it lies beside the
// checkout.
fs::path schema() {
    const char* given = std::getenv("QLOOM_SCHEMAS");
    const fs::path folder = given != nullptr
                                ? fs::path(given)
                                : fs::path(QLOOM_SOURCE_DIR) / ".." / "shared" / "schemas";
    return folder / "ieee-1685-2009" / "index.xsd";
}

ToolResult validate(const fs::path& xml) {
    return run_tool({"xmllint", "--nonet", "--noout", "--schema", fs::absolute(schema()).string(),
                     xml.string()});
}

class Ip : public ::testing::TestWithParam<Kind> {};

TEST_P(Ip, PortsAreThoseOfTheRtl) {
    if (!tool_exists("verilator")) GTEST_SKIP() << "verilator is not installed";
    const PackagedNetwork made = packaged_network(GetParam());
    const std::string xml = read(made.folder / "ip" / "component.xml");
    std::vector<std::string> files;
    std::vector<std::string> listed;
    const std::string synthesis =
        xml.substr(xml.find("<spirit:name>sources_synthesis</spirit:name>"));
    for (const std::smatch& file : all_of(synthesis.substr(0, synthesis.find("</spirit:fileSet>")),
                                          "<spirit:name>src/([^<]*)")) {
        listed.push_back(file[1]);
        if (listed.back().ends_with(".sv")) files.push_back(listed.back());
    }
    EXPECT_EQ(rtl_ports(made.folder / "ip" / "src", files, "qloom_ip"), described_ports(xml));
    fs::remove(made.folder / "ip" / "src" / "top.xml");
    std::vector<std::string> present;
    for (const fs::directory_entry& entry : fs::directory_iterator(made.folder / "ip" / "src")) {
        present.push_back(entry.path().filename().string());
    }
    EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(present))
        << "every file is listed and exists";
}

TEST_P(Ip, InterfacesAreWhatTheProtocolsDemand) {
    const PackagedNetwork made = packaged_network(GetParam());
    const std::string xml = read(made.folder / "ip" / "component.xml");
    EXPECT_EQ(interface_problems(xml), std::vector<std::string>{});
    EXPECT_THAT(
        xml,
        HasSubstr("<spirit:value "
                  "spirit:id=\"BUSIFPARAM_VALUE.AP_CLK.ASSOCIATED_BUSIF\">s_axis_0:m_axis_0<"));
}

TEST_P(Ip, SourcesAreCleanForVerilatorAndYosys) {
    const PackagedNetwork made = packaged_network(GetParam());
    std::string list;
    for (const std::smatch& file :
         all_of(read(made.folder / "ip" / "component.xml"), "src/(ql[a-z_]*\\.sv)")) {
        if (list.find(file[1].str() + " ") == std::string::npos) list += file[1].str() + " ";
    }
    const fs::path sources = made.folder / "ip" / "src";
    if (tool_exists("verilator")) {
        std::vector<std::string> command{"verilator", "--lint-only", "-Wall", "-sv",
                                         QLOOM_SOURCE_DIR "/rtl/lint.vlt"};
        for (const std::smatch& file : all_of(list, "[^ ]+")) command.push_back(file[0]);
        command.insert(command.end(), {"--top-module", "qloom_ip"});
        const ToolResult result = run_tool(command, {.working_directory = sources});
        EXPECT_EQ(result.output, "");
        EXPECT_EQ(result.exit_code, 0);
    }
    if (tool_exists("yosys")) {
        const ToolResult result =
            run_tool({"yosys", "-q", "-p",
                      "read_verilog -sv -defer " + list +
                          "; hierarchy -check -top qloom_ip; proc; check -assert"},
                     {.working_directory = sources});
        EXPECT_EQ(result.exit_code, 0) << result.output;
    }
}

TEST_P(Ip, DescriptionFollowsTheStandard) {
    if (!tool_exists("xmllint") || !fs::exists(schema())) {
        GTEST_SKIP()
            << "xmllint or the IP-XACT schema is not there (QLOOM_SCHEMAS names its folder)";
    }
    const PackagedNetwork made = packaged_network(GetParam());
    const ToolResult result = validate(made.folder / "ip" / "component.xml");
    EXPECT_EQ(result.exit_code, 0) << result.output;
}

INSTANTIATE_TEST_SUITE_P(Networks, Ip, ::testing::Values(Kind::kBytes, Kind::kOdd),
                         [](const auto& kind) {
                             return kind.param == Kind::kBytes ? "Bytes" : "Odd";
                         });

TEST(IpErrors, PlantedOnesAreCaught) {
    const PackagedNetwork made = packaged_network(Kind::kBytes);
    const std::string xml = read(made.folder / "ip" / "component.xml");
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string changed = xml;
        const auto at = changed.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return changed.replace(at, from.size(), to);
    };
    EXPECT_THAT(interface_problems(with("<spirit:name>TREADY", "<spirit:name>TRAEDY")),
                ::testing::Contains("s_axis_0 lacks TREADY"));
    EXPECT_THAT(interface_problems(with("<spirit:slave/>", "<spirit:master/>")),
                ::testing::Contains("s_axis_0_tdata points the wrong way"));
    EXPECT_THAT(interface_problems(with("ACTIVE_LOW", "ACTIVE_HIGH")),
                ::testing::Contains("the polarity of the reset"));
    EXPECT_THAT(interface_problems(with("s_axis_0:m_axis_0", "s_axis_0")),
                ::testing::Contains("ASSOCIATED_BUSIF is s_axis_0"));
    EXPECT_THAT(
        interface_problems(with("<spirit:name>m_axis_0_tlast", "<spirit:name>m_axis_0_last")),
        ::testing::Contains("m_axis_0: there is no port m_axis_0_last"));
    if (!tool_exists("xmllint") || !fs::exists(schema())) return;
    std::ofstream(made.folder / "bad.xml")
        << with("<spirit:name>m_axis_0_tlast", "<spirit:name>m_axis_0_last");
    EXPECT_NE(validate(made.folder / "bad.xml").exit_code, 0)
        << "a port map to a port that does not exist";
    std::ofstream(made.folder / "bad.xml") << with("<spirit:vendor>qloom</spirit:vendor>", "");
    EXPECT_NE(validate(made.folder / "bad.xml").exit_code, 0) << "no vendor";
}

// Without a plan the accelerator itself is the IP, with as many streams as it has.
TEST(IpStreams, SeveralOfThem) {
    qloom::testing::NetworkBuilder build(4);
    const auto a = build.input("a", {4}, {0, 255});
    const auto b = build.input("b", {4}, {0, 255});
    const auto sum = build.add({a, b}, {1, 1});
    const network::Network network =
        build.finish({build.dense(sum, 2, {-2, 1}), build.argmax(sum)});
    const hw::Accelerator accelerator =
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 16});
    ASSERT_FALSE(fits_one_dma(accelerator));
    for (const emit::TextFile& file :
         ip_files(accelerator, std::nullopt, emit::generate(accelerator, network))) {
        if (file.path != "ip/component.xml") continue;
        EXPECT_EQ(interface_problems(file.text), std::vector<std::string>{});
        EXPECT_THAT(file.text, HasSubstr("s_axis_0:s_axis_1:m_axis_0:m_axis_1"));
        EXPECT_THAT(file.text, HasSubstr("<spirit:modelName>qloom_top</spirit:modelName>"));
    }
}

}  // namespace
}  // namespace qloom::pack
