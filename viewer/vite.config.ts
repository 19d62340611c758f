import { defineConfig, type Plugin } from "vite";

// Puts scripts and styles into the one HTML file, which the program carries and reports are made of.
function singleFile(): Plugin {
  return {
    name: "single-file",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("index.html is missing");
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (file === page) continue;
        if (file.type === "chunk") {
          const script = `<script type="module">${file.code.replaceAll("</script", "<\\/script")}</script>`;
          html = html.replace(new RegExp(`<script[^>]*src="[^"]*${file.fileName}"[^>]*></script>`), "");
          html = html.replace("</body>", () => `${script}\n</body>`);
        } else {
          const style = `<style>${String(file.source)}</style>`;
          html = html.replace(new RegExp(`<link[^>]*href="[^"]*${file.fileName}"[^>]*>`), () => style);
        }
        delete bundle[name];
      }
      page.source = html;
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [singleFile()],
  build: { assetsInlineLimit: 1 << 20, modulePreload: false, cssCodeSplit: false, target: "es2021" },
});
