#pragma once

/// From the rows of a visit to the four documents about it: feedback sheet, rectification notice, opinion letter and
/// report. Device and office read their own rows through the same code, so that both make the same feedback sheet with
/// the same hash. Pure but for the rows that are asked for.

#include "schema/checklist.hpp"
#include "schema/document.hpp"
#include "schema/tables.hpp"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dudao {

/// Where rows come from. Cells stand in the table's order, all of them.
struct VisitRows {
  /// The row with this key, or nothing.
  std::function<Result<std::optional<std::vector<Value>>>(const Table& table, std::span<const ValueView> key)> row;
  /// All rows of the visit in a table of scope kVisit, in key order.
  std::function<Status(const Table& table, const std::function<Status(std::span<const Value> cells)>& take)> of_visit;
};

/// What documents say of a visit.
struct VisitRecord {
  struct Member {
    std::string code, name;
    bool lead = false;
  };
  struct Answered {
    std::map<std::string, Answers> by_observer;
    std::map<std::pair<std::string, std::string>, std::string> notes;  ///< by item and observer
  };
  struct Found {
    std::string item, clause, text, superior_unit;
    Severity severity{};
    std::optional<std::int64_t> due_day;
    bool fixed_on_site = false;
  };
  struct Highlight {
    std::string item, text;
  };
  /// A finding of an earlier visit that this one looked at again.
  struct Again {
    std::string item, text;
    std::int64_t round = 0;
    std::string outcome;  ///< VERIFIED or REJECTED; empty: nothing was said
    std::string remark;
  };
  struct Feedback {
    std::int64_t author = 0, n = 0;
    std::string text;
    Bytes document_hash;  ///< what signatures under it are bound to (sync/visit_root.hpp)
    std::int64_t at_utc_ms = 0, at_offset_min = 0;
  };
  struct Signature {
    std::string role, name, outcome, witness, reason;
    Bytes strokes;
    std::int64_t at_utc_ms = 0, at_offset_min = 0;
  };

  Bytes id;
  std::string kind, school, school_name, head, superior_unit, unit_name;
  std::int64_t from_day = 0, to_day = 0;
  /// Local days of the first and the last thing that the team did on site.
  std::optional<std::int64_t> began_day, ended_day;
  std::vector<Member> team;  ///< the lead first; without those who withdrew
  std::optional<Checklist> checklist;
  Answered answers;
  std::vector<Found> findings;        ///< that stand, the gravest first
  std::vector<Highlight> highlights;  ///< that stand, in the order of their keys
  std::vector<Again> again;           ///< likewise
  std::string drawn_classes;          ///< one a line
  std::optional<Feedback> feedback;   ///< the newest
  std::vector<Signature> signatures;  ///< under that one
};

/// Errors: kVisitUnknown, kTemplateUnknown, those of Checklist and of the rows.
Result<VisitRecord> read_visit(BytesView visit, const VisitRows& rows);

/// What a document of the office needs beside the visit.
struct IssueWords {
  std::string number;     ///< document_number()
  std::string issuer;     ///< who signs for it
  std::int64_t day = 0;   ///< of issue
  std::string addressee;  ///< empty: the school; a report then has none
  std::string basis;      ///< the law that it stands on, as it shall be named; empty: the national one in Chinese
  std::string text;       ///< the office's own words; may be empty
  std::optional<std::int64_t> due_day;  ///< for findings that name none
};

/// The sheet has a number of its own, which needs no office: the visit, and the feedback's key. Error:
/// kFeedbackMissing.
Result<Document> feedback_sheet(const VisitRecord& visit, bool chinese);
/// All findings but advice and what was put right at once. Error: kNothingToRectify.
Result<Document> rectification_notice(const VisitRecord& visit, const IssueWords& words, bool chinese);
Document opinion_letter(const VisitRecord& visit, const IssueWords& words, bool chinese);
Document inspection_report(const VisitRecord& visit, const IssueWords& words, bool chinese);

}  // namespace dudao
