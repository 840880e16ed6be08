/// How the page looks on a screen and on A4.
enum PageStyle {
    static let css: Markup = """
        :root{color-scheme:light}
        *{box-sizing:border-box}
        body{margin:0 auto;padding:1.5rem;max-width:60rem;color:#1b2430;background:#fff;
        font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",Arial,sans-serif}
        h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
        h2{font-size:1.25rem;margin:2.2rem 0 .5rem;padding-top:.6rem;border-top:2px solid #24476b}
        h3{font-size:1.05rem;margin:1.4rem 0 .3rem}
        p{margin:.4rem 0 .8rem;max-width:46rem}
        .facts{color:#445;margin:.2rem 0}
        .span{font-size:1.2rem;font-weight:600;color:#24476b;margin:0 0 .3rem}
        .brief{max-width:46rem;padding-left:1.2rem}.brief li{margin:.3rem 0}
        .warn{border-left:6px solid #b3261e;background:#fdecea;padding:.6rem .9rem;max-width:none}
        .note{border-left:6px solid #24476b;background:#eef3f8;padding:.6rem .9rem;max-width:none}
        .tiles{display:flex;flex-wrap:wrap;gap:.7rem;margin:1rem 0;padding:0;list-style:none}
        .tiles li{flex:1 1 9rem;border:1px solid #c9d3de;border-radius:6px;padding:.6rem .8rem}
        .tiles b{display:block;font-size:1.5rem;line-height:1.2}
        .tiles small{display:block;color:#445}
        table{border-collapse:collapse;width:100%;margin:.6rem 0 1rem;font-size:.92rem}
        caption{text-align:left;font-weight:600;padding:.2rem 0;color:#24476b}
        th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;
        border-bottom:1px solid #d9e0e8;overflow-wrap:anywhere;font-weight:400}
        thead th{font-weight:600;border-bottom:2px solid #8fa3b8;overflow-wrap:normal}
        .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        td.n,th.n{padding-right:1rem}
        thead .n{white-space:normal}
        .w{white-space:nowrap}
        .concerns td:nth-child(3){width:26%}.concerns td:nth-child(6){width:11.5rem}
        .hid{color:#667;font-style:italic}
        .sev{display:inline-block;white-space:nowrap;border-radius:3px;padding:0 .45rem;
        font-weight:600;color:#fff}
        .high{background:#8f1d16}.medium{background:#8a5200}.low{background:#3f5870}
        .bar{width:7.5rem;height:.65rem}
        figure{margin:.4rem 0 1rem}
        figcaption{font-size:.92rem;font-weight:600;color:#24476b}
        figure svg{width:100%;height:auto;display:block}
        .a{fill:#4f86bc}.b{fill:#641a00}
        .g{stroke:#cfd8e2;stroke-width:.7}.t{stroke:#8fa3b8;stroke-width:.7}
        .l{font-size:9.5px;fill:#445}
        .c0,.k0{fill:#2e7d5b;background:#2e7d5b}.c1,.k1{fill:#7b4fa3;background:#7b4fa3}
        .c2,.k2{fill:#b08900;background:#b08900}.c3,.k3{fill:#5a6b7c;background:#5a6b7c}
        .c4,.k4{fill:#00798c;background:#00798c}.c5,.k5{fill:#a3366b;background:#a3366b}
        .s0{fill:#e2f0ea}.s1{fill:#eee6f5}.s2{fill:#f6efd6}.s3{fill:#e9edf1}.s4{fill:#dceff2}
        .s5{fill:#f5e3ec}
        .ka{background:#4f86bc}.kb{background:#641a00}
        .key{font-size:.85rem;color:#445;max-width:none}
        .key span{margin-right:1rem;white-space:nowrap}
        .key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;
        vertical-align:-.08rem;border-radius:2px}
        dt{font-weight:600;margin-top:.5rem}dd{margin:0 0 .3rem 0;max-width:46rem}
        footer{margin-top:2rem;border-top:1px solid #c9d3de;padding-top:.6rem;color:#445;
        font-size:.85rem}
        @page{size:A4;margin:16mm 14mm}
        @media print{.concerns td:nth-child(6){width:8.6rem}body{padding:0;max-width:none;font-size:10pt}
        h1{font-size:17pt}h2{font-size:13pt;margin-top:14pt}h2,h3,caption,figcaption{break-after:avoid}
        table{font-size:8.8pt}tr,figure,.whole,.warn,.note,.tiles,.brief{break-inside:avoid}
        .key,h2+p,h2+p+.facts,.group p{break-after:avoid}
        .facts,.group p{break-inside:avoid}.group .facts{break-before:avoid;break-after:auto}
        thead{display:table-header-group}
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
        """
}
