#include "view/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <regex>
#include <thread>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/error_of.h"
#include "raw_client.h"

namespace qloom::view {
namespace {

using testing::raw_exchange;

class ServerTest : public ::testing::Test {
protected:
    ServerTest()
        : server_({.page = "<p>the page</p>",
                   .view = [] { return std::string(R"({"format":"qloom-view"})"); },
                   .fold =
                       [this](std::int64_t ii) {
                           ++folds_;
                           if (ii < 10)
                               throw Error(code::kTargetUnreachable, "layer fc", "needs 10",
                                           "take 10");
                           return nlohmann::ordered_json{{"ii_cycles", ii}};
                       },
                   .streams =
                       [](std::int64_t ii) {
                           return nlohmann::ordered_json{{"cycles", 3 * ii}};
                       },
                   .live =
                       [] {
                           return nlohmann::ordered_json{{"uart", nullptr}};
                       }},
                  0),
          thread_([this] { server_.run(); }) {}
    ~ServerTest() override {
        server_.stop();
        thread_.join();
    }

    [[nodiscard]] std::string host() const { return fmt::format("127.0.0.1:{}", server_.port()); }
    // The whole answer to a request with these header lines.
    [[nodiscard]] std::string ask(const std::string& line, const std::string& headers) const {
        return raw_exchange(server_.port(), line + "\r\n" + headers + "Connection: close\r\n\r\n",
                            3000);
    }
    [[nodiscard]] std::string get(const std::string& path, const std::string& more = "") const {
        return ask("GET " + path + " HTTP/1.1", "Host: " + host() + "\r\n" + more);
    }
    static std::string status(const std::string& answer) {
        return answer.size() < 12 ? answer : answer.substr(9, 3);
    }
    static std::string body(const std::string& answer) {
        const std::size_t at = answer.find("\r\n\r\n");
        return at == std::string::npos ? "" : answer.substr(at + 4);
    }

    std::atomic<int> folds_ = 0;
    Server server_;
    std::thread thread_;
};

TEST_F(ServerTest, ServesThePageAndItsData) {
    const std::string page = get("/");
    EXPECT_EQ(status(page), "200");
    EXPECT_EQ(body(page), "<p>the page</p>");
    EXPECT_NE(page.find("Content-Security-Policy: default-src 'none';"), std::string::npos);
    EXPECT_EQ(page.find("Access-Control"), std::string::npos);
    EXPECT_EQ(body(get("/api/view")), R"({"format":"qloom-view"})");
    EXPECT_EQ(body(get("/api/fold?ii=98")), R"({"ii_cycles":98})");
    EXPECT_EQ(body(get("/api/streams?ii=98")), R"({"cycles":294})");
    EXPECT_EQ(status(get("/api/streams?ii=many")), "400");
    EXPECT_EQ(body(get("/api/live")), R"({"uart":null})");
    EXPECT_EQ(server_.address(), "http://" + host() + "/");
}

TEST_F(ServerTest, DiagnosticsArriveAsData) {
    const std::string answer = get("/api/fold?ii=9");
    EXPECT_EQ(status(answer), "422");
    EXPECT_EQ(
        body(answer),
        R"({"error":{"code":"Q0504","where":"layer fc","what":"needs 10","advice":"take 10"}})");
}

TEST_F(ServerTest, BadTargetsAreRefusedBeforeAnythingIsComputed) {
    for (const char* query :
         {"", "?ii=", "?ii=0", "?ii=-1", "?ii=1e3", "?ii=98x", "?ii=98&ii=99",
          "?ii=99999999999999999999", "?ii=1000000000001", "?fps=1", "?ii=%00", "?ii= 98"}) {
        const std::string answer = get(std::string("/api/fold") + query);
        EXPECT_EQ(status(answer), "400") << query;
    }
    EXPECT_EQ(folds_, 0);
}

TEST_F(ServerTest, OthersGetNothing) {
    const std::string own = "Host: " + host() + "\r\n";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"GET /api/view HTTP/1.1", ""},                        // no Host
        {"GET /api/view HTTP/1.1", "Host: evil.example\r\n"},  // DNS rebinding
        {"GET /api/view HTTP/1.1", "Host: 127.0.0.1\r\n"},     // another port
        {"GET /api/view HTTP/1.1", own + own},                 // two hosts
        {"GET /api/view HTTP/1.1", own + "Origin: http://evil.example\r\n"},
        {"GET /api/view HTTP/1.1", own + "Origin: null\r\n"},
        {"GET /api/view HTTP/1.1", own + "Origin: https://" + host() + "\r\n"},
        {"GET /api/view HTTP/1.1", own + "Origin: http://127.0.0.1:1\r\n"},
        {"GET /api/view HTTP/1.1", own + "Sec-Fetch-Site: cross-site\r\n"},
        {"GET /api/fold?ii=98 HTTP/1.1", own + "Sec-Fetch-Site: same-site\r\n"},
        {"GET / HTTP/1.1", own + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"},
    };
    for (const auto& [line, headers] : cases) {
        const std::string answer = ask(line, headers);
        EXPECT_EQ(status(answer), "403") << headers;
        EXPECT_EQ(answer.find("qloom-view"), std::string::npos) << headers;
    }
    EXPECT_EQ(folds_, 0);
    // The page itself, a person's own tools, and a link from elsewhere that a person clicked.
    EXPECT_EQ(status(get("/api/view",
                         "Origin: http://" + host() + "\r\nSec-Fetch-Site: same-origin\r\n")),
              "200");
    EXPECT_EQ(status(ask("GET / HTTP/1.1", fmt::format("Host: localhost:{}\r\n", server_.port()))),
              "200");
    EXPECT_EQ(status(get("/",
                         "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: "
                         "navigate\r\nSec-Fetch-Dest: document\r\n")),
              "200");
}

TEST_F(ServerTest, OtherMethodsAndPathsAreRefused) {
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
        EXPECT_EQ(status(ask(std::string(method) + " /api/view HTTP/1.1",
                             "Host: " + host() + "\r\nContent-Length: 0\r\n")),
                  "405")
            << method;
    }
    for (const char* path :
         {"/etc/passwd", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api", "/api/view/",
          "//", "/model.onnx", "/api/view%00", "/index.html"}) {
        EXPECT_EQ(status(get(path)), "404") << path;
    }
}

TEST_F(ServerTest, ListensOnLoopbackOnly) {
    EXPECT_TRUE(testing::accepts("127.0.0.1", server_.port()));
    const std::string outside = testing::outside_address();
    if (outside.empty()) GTEST_SKIP() << "this machine has no other address";
    EXPECT_FALSE(testing::accepts(outside, server_.port())) << outside;
}

// A server that is stopped before, or while, it begins to serve does not serve.
TEST(Server, MayBeStoppedAtAnyMoment) {
    for (int round = 0; round < 50; ++round) {
        Server server({}, 0);
        std::thread serving([&] { server.run(); });
        server.stop();
        serving.join();
    }
}

TEST_F(ServerTest, TakenPortIsSaid) {
    const int port = server_.port();
    EXPECT_EQ(status(get("/")), "200");  // it runs, and can be stopped
    EXPECT_EQ(testing::error_of([&] { Server other({}, port); }),
              fmt::format("Q1301: 127.0.0.1:{}: the page cannot be served at this port; name a "
                          "free one with --port, or leave --port "
                          "out",
                          port));
}

// Random bytes, damaged requests, long lines, many headers, requests cut off anywhere: the server
// goes on answering others.
TEST_F(ServerTest, SurvivesMalformedRequests) {
    std::mt19937 random(17);
    const auto below = [&](int n) {
        return static_cast<int>(random() % static_cast<std::uint32_t>(n));
    };
    const std::string good = "GET /api/view HTTP/1.1\r\nHost: " + host() +
                             "\r\nAccept: */*\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n";
    std::vector<std::string> requests{
        "",
        "\r\n\r\n",
        "GET",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: " + host() + "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: " + host() + "\r\nX: " + std::string(100'000, 'b') + "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: -1\r\n\r\nxx",
        "GET / HTTP/1.1\r\nHost: " + host() +
            "\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        "POST /api/view HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: 1000000\r\n\r\n" +
            std::string(10'000, 'c'),
        "GET /api/view HTTP/1.1\r\nHost: " + host() + "\r\nRange: bytes=9-1,-5,4-\r\n\r\n",
        "GET /api/view HTTP/1.1\r\nHost: " + host() +
            "\r\nRange: bytes=99999999999999999999-\r\n\r\n",
        std::string("GET /\0 HTTP/1.1\r\n\r\n", 19),
    };
    std::string many = "GET / HTTP/1.1\r\nHost: " + host() + "\r\n";
    for (int i = 0; i < 5000; ++i) many += fmt::format("H{}: v\r\n", i);
    requests.push_back(many + "\r\n");
    for (int i = 0; i < 300; ++i) {
        std::string request = good;
        const int kind = below(4);
        if (kind == 0) {  // nothing like a request
            request.assign(static_cast<std::size_t>(below(200)), ' ');
            for (char& c : request) c = static_cast<char>(below(256));
        } else if (kind == 1) {  // cut off
            request.resize(static_cast<std::size_t>(below(static_cast<int>(good.size()))));
        } else {  // some bytes changed, doubled or lost
            for (int k = below(6); k >= 0; --k) {
                const auto at = static_cast<std::size_t>(below(static_cast<int>(request.size())));
                if (below(3) == 0) {
                    request.erase(at, 1);
                } else if (below(2) == 0) {
                    request.insert(at, request.substr(at, 7));
                } else {
                    request[at] = static_cast<char>(below(256));
                }
            }
        }
        requests.push_back(std::move(request));
    }
    for (const std::string& request : requests) {
        // Short patience: an unfinished request is answered by nobody, and its sender goes away.
        const std::string answer = raw_exchange(server_.port(), request, 20);
        EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.")) << answer;
    }
    EXPECT_EQ(body(get("/api/view")), R"({"format":"qloom-view"})");
}

}  // namespace
}  // namespace qloom::view
