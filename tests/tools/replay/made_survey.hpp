#pragma once

/// A survey of our own making in the shape of the real one: form, districts and rows, so that what is tried on real
/// data is tried where they are absent, too.

#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dudao::test {

inline const char* const kSurvey =
    "type,name,label,hint,calculation,bind:relevant,bind:constraint,bind:required,appearance,constraint_message\n"
    "gps,gps,1.1 Where is it?,,,,,true(),,\n"
    "select_one level_of_education,level_of_education,11. Which level? ,Select ONLY one.,,,,true(),,\n"
    "select_one education_type,education_type,13. Which education?,,,,,true(),,\n"
    "select_one school_managed,school_managed,14. Who runs it?,,,,,,,\n"
    ",,,,,,,,,\n"
    "integer,num_students_female,Girls,,,,.=999  or . >=0,true(),,\n"
    "integer,num_students_male,Boys,,,,.=999  or . >=0,true(),,\n"
    "calculate,num_students_total_calc,,,${num_students_male}+${num_students_female},,,,,\n"
    "integer,num_students_total\xc2\xa0,Pupils,,,,. =999 or . =${num_students_total_calc},true(),,They must add up.\n"
    "integer,num_classrms_total,Classrooms,,,,.=999 or  . >= 0,true(),,\n"
    "integer,num_classrms_need_maj_repairs  ,Bad ones,,,,.=999 or ( . >= 0 and . < = $ {num_classrms_total}),true(),,\n"
    "integer,num_tchrs_attended_training,Trained,,,,.=999 or ( . >=0  and . <= ${num_tchrs_total}),true(),,\n"
    "integer,num_textbooks,Books,,,,.=999 or . <= ${nobody_asks_this},true(),,\n"
    "select_one yn,natl_curriculum_yn,64. Curriculum?,,,,,,,\n";
inline const char* const kChoices =
    "list name,name,label\n,,\nlevel_of_education,primary_only,Primary school only\nlevel_of_education,vocational "
    ",Vocational\n"
    "education_type,formal_educ,Regular\neducation_type,religious_only,Religious\nschool_managed,st_gov,State\nyn,yes,"
    "Yes\n";
inline const char* const kDistricts =
    "\"lga_id\",\"state\",\"lga\",\"unique_lga\",\"pop_2006\",\"zone\"\n7,\"Westland\",\"Old "
    "Town-East\",\"westland_old_town_east\",100,\"South\"\n"
    "8,\"Westland\",\"Hill\",\"westland_hill\",100,\"South\"\n";

using Cells = std::map<std::string, std::string>;

inline const std::vector<std::string>& column_names() {
  static const std::vector<std::string> names = [] {
    const std::string all =
        "uuid lga state zone gps facility_name facility_type unique_lga lga_id formhub_photo_id src education_type "
        "num_tchrs_total num_students_total num_classrms_total chalkboard_each_classroom_yn "
        "num_classrms_need_maj_repairs "
        "natl_curriculum_yn functional_water potable_water num_classrms_need_min_repairs covered_roof_good_condi "
        "class_held_outside two_shifts_yn num_tchrs_attended_training num_tchrs_with_nce provide_exercise_books_yn "
        "provide_pens_yn teacher_guide_yn functioning_library_yn students_living_3kmplus_school community ward "
        "date_of_survey num_tchrs_male num_tchrs_female num_students_female num_students_male num_toilets_total "
        "management improved_water_supply improved_sanitation phcn_electricity facility_type_display "
        "school_1kmplus_catchment_area num_textbooks textbook_to_pupil_ratio school_1kmplus_secondary_school "
        "male_to_female_student_ratio gender_separated_toilets_yn pupil_toilet_ratio_facility power_access "
        "access_clinic_dispensary access_first_aid wall_fence_good_condi pupil_classrm_ratio multigrade_classrms "
        "pupil_bench_ratio pupil_desk_ratio pupil_tchr_ratio teacher_nonteachingstaff_ratio tchr_pay_delay "
        "tchr_pay_miss "
        "lga_valid lga_orig dist_euc dist_fake sector nmis_lga_id facility_ID fcl_uuid";
    std::vector<std::string> out(1);
    for (const char c : all) {
      if (c == ' ')
        out.emplace_back();
      else
        out.back().push_back(c);
    }
    return out;
  }();
  return names;
}

inline Cells good_row(int n) {
  return {{"uuid", "u-" + std::to_string(n)},
          {"lga", "Old Town-East"},
          {"state", "Westland"},
          {"zone", "South"},
          {"unique_lga", "westland_old_town_east"},
          {"lga_id", "7"},
          {"gps", "9.08844551 -3.84265447 387.8999938964844 5.0"},
          {"facility_name", " River\nschool "},
          {"facility_type", "primary_only"},
          {"education_type", "Formal Only"},
          {"management", "public"},
          {"date_of_survey", "2012-07-27"},
          {"num_students_total", "30"},
          {"num_students_female", "10"},
          {"num_students_male", "20"},
          {"num_classrms_total", "4"},
          {"num_classrms_need_maj_repairs", "4"},
          {"covered_roof_good_condi", "FALSE"},
          {"tchr_pay_delay", "TRUE"},
          {"power_access", "TRUE"},
          {"num_toilets_total", "0"},
          {"pupil_classrm_ratio", "7.5"},
          {"pupil_bench_ratio", "Inf"},
          {"facility_ID", std::string("E:abc") + static_cast<char>('a' + n)}};
}

/// The visits as the survey's file has them.
inline std::string csv(const std::vector<Cells>& rows) {
  std::string text;
  for (const auto& name : column_names()) text += (text.empty() ? "" : ",") + name;
  text += "\n";
  for (Cells row : rows) {
    std::string line;
    for (const auto& name : column_names()) line += ",\"" + row[name] + "\"";
    text += line.substr(1) + "\n";
  }
  return text;
}

/// A file of the folder of other people's data, where that is present.
inline std::optional<std::string> shared(const std::string& path) {
  std::ifstream in(std::string(DUDAO_SHARED_DIR) + path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace dudao::test
