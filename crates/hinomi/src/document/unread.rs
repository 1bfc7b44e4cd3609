//! What could not be read, and what was assumed, in Japanese: readers of logs say it in English.
//!
//! # Definitions
//! A sentence holds texts that differ each time, where the patterns have `{}`. A sentence that no pattern knows stays as it is, and is
//! found by the kind before it. A text may be a sentence in turn.

use std::borrow::Cow;

use crate::japanese;

/// Kinds of losses by name.
const KINDS: [(&str, &str); 9] = [
    ("unreadable", "読込不可"),
    ("malformed", "形式の誤り"),
    ("truncated", "途中で終了"),
    ("checksum-mismatch", "チェックサム不一致"),
    ("limit-exceeded", "上限超過"),
    ("refused-member", "対象外"),
    ("unrecognised", "形式不明"),
    ("assumed-time", "時刻の仮定"),
    ("encoding", "文字コード"),
];

/// Sentences.
const SENTENCES: &[(&str, &str)] = &[
    // Times.
    (
        "times state no zone and no year: read in {}, in the latest year possible",
        "時刻にタイムゾーンと年がないため、{} の時刻とし、あり得る最も新しい年とみなしました",
    ),
    ("times state no zone: read in {}", "時刻にタイムゾーンがないため、{} の時刻とみなしました"),
    (
        "times state no year: read in the latest year possible",
        "時刻に年がないため、あり得る最も新しい年とみなしました",
    ),
    ("times without zone are read as {}", "タイムゾーンのない時刻は {} の時刻とみなしました"),
    // Text.
    ("a line longer than 1 MiB was cut for matching", "1 MiB を超える行は、そこまでを照合しました"),
    (
        "bytes that are neither UTF-8 nor CP932 were replaced",
        "UTF-8 でも CP932 でもないバイトを置き換えました",
    ),
    ("invalid UTF-16 was replaced", "UTF-16 として不正な部分を置き換えました"),
    ("characters that are not valid were replaced", "不正な文字を置き換えました"),
    // JSON.
    ("the object does not end at {} bytes into the object", "オブジェクトが終わっていません({} バイト目)"),
    (
        "more than 64 levels of nesting at {} bytes into the object",
        "入れ子が 64 段を超えています({} バイト目)",
    ),
    ("a key was expected at {} bytes into the object", "キーがあるべき位置にありません({} バイト目)"),
    ("a colon was expected at {} bytes into the object", "コロンがあるべき位置にありません({} バイト目)"),
    ("a value was expected at {} bytes into the object", "値があるべき位置にありません({} バイト目)"),
    (
        "a comma or a closing bracket was expected at {} bytes into the object",
        "コンマか閉じ括弧があるべき位置にありません({} バイト目)",
    ),
    (
        "a line ends inside a string at {} bytes into the object",
        "文字列の途中で行が終わっています({} バイト目)",
    ),
    (
        "the array does not end: entries may be missing",
        "配列が閉じていません。欠けた項目があるかもしれません",
    ),
    ("{} NUL bytes between objects", "オブジェクトの間に NUL が {} バイトあります"),
    ("an object was expected", "オブジェクトがあるべき位置にありません"),
    ("an entry could not be read", "エントリを 1 件読めませんでした"),
    ("an element could not be read", "要素を 1 件読めませんでした"),
    (
        "more than 65,536 field names: the rest is left out",
        "フィールド名が 65,536 種類を超えたため、以降は除きました",
    ),
    // Windows event logs.
    ("a chunk ends within its header", "チャンクがヘッダーの途中で終わっています"),
    ("a chunk ends after {} of {} bytes", "チャンクが {} バイト目で終わっています(本来 {} バイト)"),
    ("the checksum of a chunk header does not match", "チャンクのヘッダーのチェックサムが一致しません"),
    ("the checksum of a chunk's records does not match", "チャンクのレコードのチェックサムが一致しません"),
    ("{} bytes of a chunk hold no readable record", "チャンクの {} バイトには読めるレコードがありません"),
    (
        "{} bytes without a chunk header; {} records found in them",
        "チャンクのヘッダーがない部分が {} バイトあり、{} 件のレコードが見つかりました",
    ),
    ("record {}: its two lengths differ", "レコード {}: 前後の長さが一致しません"),
    (
        "record {}: a structure reaches past the end of the record",
        "レコード {}: 構造がレコードの終わりを超えています",
    ),
    (
        "record {}: the template it refers to is missing or damaged",
        "レコード {}: 参照するテンプレートがないか壊れています",
    ),
    (
        "record {}: values reach past its end and are taken for null",
        "レコード {}: 終わりを超える値は空とみなしました",
    ),
    (
        "record {}: a part with a template of its own is damaged, or its template is, and is taken for null",
        "レコード {}: 埋め込まれた要素、またはそのテンプレートが壊れているため、空とみなしました",
    ),
    ("record {}: names of its template cannot be read", "レコード {}: テンプレートの名前を読めません"),
    ("record {}: its elements or fragments are nested too deeply", "レコード {}: 要素の入れ子が深すぎます"),
    ("record {}: its template expands beyond the bound", "レコード {}: テンプレートの展開が上限を超えます"),
    ("record {}: {}", "レコード {}: 内容が壊れています({})"),
    // Journals and flows.
    ("{} fields of an entry beyond {} are left out", "エントリの {} 個のフィールドを除きました(上限 {} 個)"),
    ("a field of a journal entry was expected", "ジャーナルのフィールドがあるべき位置にありません"),
    ("a journal entry ends inside a field", "ジャーナルのエントリがフィールドの途中で終わっています"),
    (
        "a field of a journal entry states a length that cannot be",
        "ジャーナルのフィールドの長さがあり得ない値です",
    ),
    (
        "a field of a journal entry is longer than it states",
        "ジャーナルのフィールドが示された長さより長くなっています",
    ),
    (
        "{} bytes behind the last set of a datagram of flows",
        "フローのデータグラムの最後のセットの後に {} バイトあります",
    ),
    (
        "{} datagrams that the exporter has counted did not come (domain {})",
        "送信元が数えたデータグラム {} 個が届いていません(ドメイン {})",
    ),
    (
        "{} flows that the exporter has counted did not come (domain {})",
        "送信元が数えたフロー {} 件が届いていません(ドメイン {})",
    ),
    (
        "{} bytes of flows whose template {} has not come are unknown",
        "フロー {} バイトは、テンプレート {} が届いていないため内容が分かりません",
    ),
    ("{} bytes are no datagram of flows", "{} バイトはフローのデータグラムではありません"),
    (
        "a datagram of flows ends after {} of {} bytes",
        "フローのデータグラムが {} バイト目で終わっています(本来 {} バイト)",
    ),
    // Files, folders and archives.
    (
        "no log format was recognised; {} bytes or more are not searched",
        "ログの形式が分からないため、{} バイト以上を検索していません",
    ),
    ("a record longer than {} bytes is skipped", "{} バイトを超えるレコードを飛ばしました"),
    ("{} more losses of this kind are not listed", "同じ種類の損失 {} 件は省略しました"),
    (
        "a symbolic link out of the given paths is not followed",
        "指定した場所の外へのシンボリックリンクはたどりません",
    ),
    (
        "a pipe, socket or device in a folder is not opened",
        "フォルダー内のパイプ、ソケット、デバイスは開きません",
    ),
    ("it stopped being a file while the folder was read", "フォルダーを読む間に、ファイルではなくなりました"),
    ("more than {} members: the rest is not read", "メンバーが {} 個を超えたため、残りは読みません"),
    ("not read: compressed more than twice", "二重を超えて圧縮されているため読みません"),
    ("not read: archives nested too deep", "アーカイブの入れ子が深すぎるため読みません"),
    ("not read: {}", "対応していない形式のため読みません({})"),
    ("the data ends early: {}", "データが途中で終わっています({})"),
    (
        "the packed data is damaged, the rest is not readable: {}",
        "圧縮データが壊れており、残りを読めません({})",
    ),
    (
        "the archive ends without its directory: members may be missing",
        "アーカイブが目録なしで終わっています。欠けたメンバーがあるかもしれません",
    ),
    (
        "the archive ends without an end mark: members may be missing",
        "アーカイブが終端なしで終わっています。欠けたメンバーがあるかもしれません",
    ),
    (
        "the directory ends in something else than an entry: members may be missing",
        "目録の終わりが項目ではありません。欠けたメンバーがあるかもしれません",
    ),
    (
        "{} bytes belong to no member that the directory lists, and are not read",
        "目録のどのメンバーにも属さない {} バイトがあり、読んでいません",
    ),
    (
        "a header with a wrong checksum: skipped to the next one",
        "ヘッダーのチェックサムが一致しないため、次のヘッダーまで飛ばしました",
    ),
    ("an extended header of {} bytes is not read", "{} バイトの拡張ヘッダーは読みません"),
    ("{}: a device or pipe in an archive is not read", "{}: アーカイブ内のデバイスやパイプは読みません"),
    ("{}: a sparse file in an archive is not read", "{}: アーカイブ内のスパースファイルは読みません"),
    (
        "members are read in order of their own headers: {}",
        "目録を使えないため、メンバーをヘッダーの順に読みました({})",
    ),
    ("corrupt deflate stream", "deflate データの破損"),
    ("incomplete deflate stream", "deflate データの途中で終了"),
    ("the deflate data makes no progress", "deflate データの破損"),
    (
        "the archive ends {} packed bytes before the member does",
        "アーカイブがメンバーの終わりより圧縮後 {} バイト前で終わっています",
    ),
    (
        "the archive ends {} bytes before the member does",
        "アーカイブがメンバーの終わりより {} バイト前で終わっています",
    ),
    ("no end record", "終端レコードがありません"),
    ("no directory where the end record says", "終端レコードの示す位置に目録がありません"),
    ("a directory of {} bytes is not held in memory", "{} バイトの目録はメモリに保持しません"),
    ("{}: not read, it is encrypted", "{}: 暗号化されているため読みません"),
    (
        "{}: not read, its size is stated only behind its data, and the archive is read in order",
        "{}: 大きさがデータの後に書かれており、先頭から順に読むため読めません",
    ),
    ("{}: not read, its compression ({}) is not supported", "{}: 対応していない圧縮方式({})のため読みません"),
    (
        "{}: not read, it begins inside the member before it",
        "{}: 前のメンバーの中から始まっているため読みません",
    ),
    ("{}: not read, the directory points to no member", "{}: 目録の指す位置にメンバーがないため読みません"),
    ("it unpacks to more than {} times its size", "展開すると元の {} 倍を超えます"),
    ("the member unpacks to more than {} bytes", "メンバーを展開すると {} バイトを超えます"),
    ("the file unpacks to more than {} bytes in all", "ファイルを展開すると合計 {} バイトを超えます"),
    (
        "the stored checksum is {}, that of the data {}",
        "記録されたチェックサムは {}、データのチェックサムは {} です",
    ),
    (
        "the archive states {} bytes, the member holds {}",
        "アーカイブには {} バイトとありますが、メンバーは {} バイトです",
    ),
    // What was asked for.
    (
        "no event of this span names this host: nothing can be said of it",
        "この期間にこのホストのイベントはありません。何も判断できません",
    ),
    // Ledgers.
    ("leaf {}: erased by order, see leaf {}", "リーフ {}: 指示により消去済み(リーフ {} を参照)"),
    (
        "leaf {}, record {}: a compressed file or an archive was kept as it is; what is in it is not searched",
        "リーフ {}、レコード {}: 圧縮ファイルかアーカイブがそのまま保管されており、中は検索していません",
    ),
    // Correlations.
    (
        "{} matches that correlations count were not kept: what needs them is not found; {} is enough",
        "相関ルールが数える一致 {} 件を保持できず、それを必要とする検知は行えません。{} を指定すれば足ります",
    ),
];

/// The name of a kind.
pub(crate) fn kind_ja(kind: &str) -> &str {
    KINDS.iter().find(|(name, _)| *name == kind).map_or(kind, |(_, ja)| ja)
}

/// A sentence.
pub(crate) fn sentence_ja(message: &str) -> Cow<'_, str> {
    japanese::sentence(SENTENCES, message)
}

#[cfg(test)]
mod tests {
    use hinomi_model::DiagnosticKind;

    use super::*;

    #[test]
    fn sentences_keep_what_differs() {
        for (message, ja) in [
            (
                "times state no zone and no year: read in Asia/Tokyo, in the latest year possible",
                "時刻にタイムゾーンと年がないため、Asia/Tokyo の時刻とし、あり得る最も新しい年とみなしました",
            ),
            (
                "a chunk ends after 12 of 65536 bytes",
                "チャンクが 12 バイト目で終わっています(本来 65536 バイト)",
            ),
            ("record 7: its two lengths differ", "レコード 7: 前後の長さが一致しません"),
            ("record 7: an unknown BinXML token", "レコード 7: 内容が壊れています(an unknown BinXML token)"),
            ("a.zip: not read, it is encrypted", "a.zip: 暗号化されているため読みません"),
            (
                "members are read in order of their own headers: no end record",
                "目録を使えないため、メンバーをヘッダーの順に読みました(終端レコードがありません)",
            ),
            ("something else", "something else"),
            ("", ""),
        ] {
            assert_eq!(sentence_ja(message), ja);
        }
    }

    #[test]
    fn every_kind_has_a_name_and_every_pattern_its_places() {
        use DiagnosticKind::*;
        let kinds = [
            Unreadable,
            Malformed,
            Truncated,
            ChecksumMismatch,
            LimitExceeded,
            RefusedMember,
            Unrecognised,
            AssumedTime,
            Encoding,
        ];
        assert!(kinds.iter().all(|kind| !kind_ja(kind.name()).is_ascii()));
        for (pattern, ja) in SENTENCES {
            let places = |text: &str| text.matches("{}").count();
            assert_eq!(places(pattern), places(ja), "{pattern}");
            let filled = pattern.replace("{}", "17");
            assert_eq!(sentence_ja(&filled), ja.replace("{}", "17"), "another pattern fits {pattern:?}");
        }
    }
}
