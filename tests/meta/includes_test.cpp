// Rooms know only the rooms below them. The table is CMake's own (qloom_room), so that code and build cannot drift.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "repository.h"

namespace qloom::meta {
namespace {

using Table = std::map<std::string, std::set<std::string>>;

// "lower: ir network" a line.
Table parse_table(const std::string& text) {
    Table table;
    for (const std::string& line : lines_of(text)) {
        std::istringstream words(line);
        std::string room;
        words >> room;
        room.pop_back();
        table[room] = {};
        for (std::string other; words >> other;) {
            table[room].insert(other);
        }
    }
    return table;
}

std::string table_text() {
    std::ifstream stream(QLOOM_ROOM_TABLE);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// A room, the rooms it depends on, and theirs.
std::set<std::string> known_rooms(const Table& table, const std::string& room) {
    std::set<std::string> known{room};
    for (const std::string& other : table.at(room)) {
        known.merge(known_rooms(table, other));
    }
    return known;
}

// One sentence for each include of `file` that its room may not have.
std::vector<std::string> forbidden_includes(const Table& table, const File& file) {
    static const std::regex kInclude("^\\s*#\\s*include\\s+\"([a-z_]+)/");
    std::vector<std::string> problems;
    const std::string inside = file.path.substr(std::string("src/").size());
    const std::string room = inside.substr(0, inside.find('/'));
    if (!table.contains(room)) {
        return {file.path + " belongs to no room"};
    }
    const std::set<std::string> known = known_rooms(table, room);
    for (const std::string& line : lines_of(file.text)) {
        std::smatch match;
        if (std::regex_search(line, match, kInclude) && table.contains(match[1]) && !known.contains(match[1])) {
            problems.push_back(file.path + " includes the room " + match[1].str());
        }
    }
    return problems;
}

TEST(Includes, RunUpwardOnly) {
    const Table table = parse_table(table_text());
    ASSERT_TRUE(table.contains("cli"));
    std::size_t looked_at = 0;
    for (const File& file : files_under("src", {".h", ".cpp"})) {
        for (const std::string& problem : forbidden_includes(table, file)) {
            ADD_FAILURE() << problem;
        }
        ++looked_at;
    }
    EXPECT_GT(looked_at, 50U);
}

TEST(Includes, NobodyKnowsTheFace) {
    for (const auto& [room, others] : parse_table(table_text())) {
        EXPECT_FALSE(others.contains("cli")) << room;
    }
}

TEST(Includes, ForbiddenIncludeIsCaught) {
    const Table table = parse_table("base: \nir: base\nnetwork: base\nlower: ir network\n");
    const auto problems = [&](const std::string& path, const std::string& text) {
        return forbidden_includes(table, {path, text});
    };
    EXPECT_EQ(problems("src/base/x.h", "#include <map>\n#include \"ir/graph.h\"\n"),
              std::vector<std::string>{"src/base/x.h includes the room ir"});
    EXPECT_EQ(problems("src/network/x.h", "# include \"lower/lower.h\""),
              std::vector<std::string>{"src/network/x.h includes the room lower"});
    EXPECT_TRUE(problems("src/lower/x.cpp", "#include \"base/tensor.h\"\n#include \"lower/lower.h\"\n").empty());
    EXPECT_EQ(problems("src/attic/x.cpp", ""), std::vector<std::string>{"src/attic/x.cpp belongs to no room"});
}

}  // namespace
}  // namespace qloom::meta
