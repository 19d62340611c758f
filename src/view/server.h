#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "base/codes/view.h"

namespace qloom::view {

// What the page's server answers with. The functions are called one at a time, from the server's
// threads; what they throw as qloom::Error reaches the page as a document with the key "error".
struct ServerContent {
    std::string page;                   // GET /
    std::function<std::string()> view;  // GET /api/view: the view document
    std::function<nlohmann::ordered_json(std::int64_t)>
        fold;  // GET /api/fold?ii=N: an accelerator; empty: there is none
    std::function<nlohmann::ordered_json(std::int64_t)>
        streams;  // GET /api/streams?ii=N: what goes on between its units
    std::function<nlohmann::ordered_json()>
        live;  // GET /api/live: what changes while the page is open
};

// A small HTTP server on 127.0.0.1 and nowhere else. It knows the addresses above and serves
// no files. A request must name the server itself as its Host; one that a browser sends on behalf
// of another origin (Origin, Sec-Fetch-Site) is refused with 403, so that no other page can read a
// model or make the compiler work. Only GET and HEAD; no bodies.
class Server {
public:
    // Port 0 takes any free one. Throws code::kPortTaken.
    Server(ServerContent content, int port);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] std::string address() const;  // "http://127.0.0.1:8080/"
    // Serves until stop(), which any thread may call.
    void run();
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace qloom::view
